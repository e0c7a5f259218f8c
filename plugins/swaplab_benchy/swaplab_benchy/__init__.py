"""Benchmarks: llama-benchy runs that are queued, watched, stored, compared and judged.

The rooms: `options` what is asked for · `targets` names and tokenizer of a model · `argv` the command line · `runner`
which program runs it · `sandbox` as whom code of a model runs · `corpus` text for prompts · `gguf` a tokenizer from a
GGUF file · `progress` how far it is · `diagnosis` why it failed · `results` what was measured, `scores` how clever it
is · `verdict` and `score_verdict` better or worse? · `wire` a run as JSON · `form` and `panels` what people see. All
of these are pure, `gguf` reads one file. `adapter`, `surroundings` and `store` are the world: the running child, what
it finds around it, results on disk. `facts` asks the daemon about a model, `bench` joins all of it into jobs, `api`
and `cli` are how they are asked for, `plugin` is what the core calls.
"""

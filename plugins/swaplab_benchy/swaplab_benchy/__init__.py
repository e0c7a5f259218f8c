"""Benchmarks: llama-benchy runs that are queued, watched, stored, compared and judged.

The rooms: `options` what is asked for · `targets` names and tokenizer of a model · `argv` the command line · `runner`
which program runs it · `corpus` text for prompts · `gguf` a tokenizer from a GGUF file · `progress` how far it is ·
`diagnosis` why it failed · `results` what was measured · `verdict` better or worse? All of these are pure, `gguf` reads
one file. `adapter` and `store` are the world: folders, the environment, the running child, results on disk. `facts`
asks the daemon about a model, `bench` joins all of it into jobs, `api` and `cli` are their doors, `plugin` is what the
core calls.
"""

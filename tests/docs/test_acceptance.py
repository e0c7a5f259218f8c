"""What the tests of the control plane before this one held fast, and the tests that hold it here.

Every line of its list stands here: with its tests, or (REPLACED) with the reason why something else is done, and the
tests of that. A test that is renamed or goes takes its line along, so the table cannot rot.
"""

from __future__ import annotations

import ast
from functools import cache

import pytest
from repository import ROOT

HELD = {
    # backends and recipes
    "the kind of a folder, by what it holds and by its name": [
        "test_a_folder_is_recognised_by_its_recipes_and_less_by_its_name",
        "test_a_folder_without_recipes_is_known_by_its_name",
        "test_the_kind_of_nvidias_own_image_is_told_apart",
    ],
    "which folders are valid, and discovery lists only those": [
        "test_only_folders_with_a_runner_and_recipes_are_backends",
        "test_a_folder_that_is_no_backend_is_refused_with_what_it_lacks",
        "test_backends_are_found_where_the_configuration_says_and_beside_it_and_in_the_lab_at_home",
    ],
    "`backend:` of a recipe beside the configuration; the active one is no fallback; `backend not resolved`": [
        "test_a_recipe_of_the_users_names_its_backend_and_the_active_one_is_no_fallback",
    ],
    # images
    "candidates before their release, the newest of those given": [
        "test_release_candidates_come_before_their_version_and_posts_after",
        "test_the_latest_image_is_a_final_version",
    ],
    "the file with the chosen image wins, for TensorRT-LLM and llama.cpp": [
        "test_the_choice_of_a_person_wins_then_the_variable_then_the_script",
        "test_the_image_is_the_choice_of_a_person_then_that_of_the_variable",
        "test_an_image_that_an_older_control_plane_has_chosen_counts",
    ],
    # models of the hub
    "the download script of the environment wins": [
        "test_a_download_script_is_told_the_format_and_copies_only_when_asked",
    ],
    "the download is offered with the path of its script": ["test_actions_are_offered_where_they_can_be_done"],
    "spellings of formats": [
        "test_a_download_script_is_told_the_format_and_copies_only_when_asked",
        "test_the_older_route_for_actions_downloads_with_the_library",
    ],
    "the hint of a GGUF file comes from the snapshot of main": [
        "test_the_hint_for_llama_cpp_is_a_file_of_the_revision_of_main_whatever_lies_beside_it",
        "test_a_split_model_begins_with_its_first_part",
    ],
    "safetensors are seen, and one of two formats": ["test_of_two_formats_the_name_decides_and_then_the_largest_file"],
    "the fields of a recipe for cached weights": [
        "test_a_recipe_for_cached_weights_has_the_image_and_the_defaults_of_its_folder",
        "test_a_folders_runner_gets_the_file_as_a_hint_and_the_server_of_this_machine_its_path",
    ],
    "a second time keeps the recipe that is there; the list says who has one": [
        "test_a_cached_model_becomes_a_recipe_and_a_model_that_answers",
    ],
    "recipes and entries are matched by served name and by id": [
        "test_the_entry_of_a_recipe_is_found_by_its_name_or_its_models_as_ever",
    ],
    # the file
    "long commands, folded ones, and those with escaped quotes come back unchanged": [
        "test_long_commands_keep_the_form_in_which_they_were_written",
        "test_lines_that_need_no_change_stay_byte_for_byte_and_in_order",
        "test_the_edited_file_means_what_was_asked_for",
    ],
    # creating and changing
    "vLLM on one node: the runner, and compile caches": [
        "test_a_solo_launch_is_the_recipe_and_its_flags",
        "test_containers_are_labelled_and_keep_their_compile_caches",
        "test_a_new_model_is_written_beside_what_is_there",
    ],
    "llama.cpp has no compile caches and no word of them": [
        "test_what_is_of_one_engine_is_written_for_that_engine_only",
    ],
    "one node: solo there, and the node is kept": ["test_one_node_is_that_node_alone_and_several_are_a_cluster"],
    "from one to two: the nodes of the backend": [
        "test_a_model_that_grows_over_one_node_goes_to_the_nodes_of_its_backend",
    ],
    "create, edit, delete: the file stays valid, the groups clean": [
        "test_create_change_and_delete_leave_the_groups_as_they_were",
    ],
    "a macro of several lines stays valid": [
        "test_a_macro_of_several_lines_stays_as_it_is_from_the_first_edit_to_the_last",
        "test_macros_may_refer_to_later_ones_before_and_after_a_save",
    ],
    "a broken one is refused: `invalid bash -lc payload`": [
        "test_text_that_no_shell_can_read_is_told_at_its_line_and_not_saved",
        "test_a_mistake_that_was_there_before_stands_in_the_way_of_no_other_edit",
    ],
    # recipes and their models
    "saving a recipe leaves the configuration byte for byte": [
        "test_saving_a_recipe_leaves_the_configuration_byte_for_byte",
    ],
    "a cascade deletes all models of the recipe, and its file": [
        "test_a_cascade_deletes_the_recipe_and_all_models_made_of_it",
    ],
    "the older delete takes one": ["test_deleting_a_model_alone_leaves_its_recipe_and_the_other_models_of_it"],
    "deleting a recipe with its models": ["test_deleting_a_recipe_takes_the_models_along_only_when_told"],
    "following the defaults: one pinned node becomes the cluster": [
        "test_models_follow_the_defaults_of_their_recipe_again",
    ],
    # the status of the cluster
    "a summary asks for nothing, all is told by default, and what is included": [
        "test_an_answer_says_how_it_came_about_and_a_summary_asks_for_nothing",
        "test_a_request_says_what_it_wants_and_unknown_words_are_ignored",
    ],
    "a stale answer comes at once and is renewed behind it": [
        "test_a_stale_answer_comes_at_once_and_is_renewed_behind_it",
    ],
    "force looks again, and an age of 0 always": [
        "test_an_answer_is_kept_for_its_time_unless_somebody_asks_anew",
        "test_without_an_age_that_is_fresh_every_answer_is_a_new_look",
    ],
    "an error has autodiscoverPath and no backendDir": [
        "test_an_error_names_the_script_of_the_discovery_and_no_backend",
    ],
    "mode, connectivity, state of the cache, times": [
        "test_an_answer_says_how_it_came_about_and_a_summary_asks_for_nothing",
    ],
    "latencies of zero are told": ["test_the_local_machine_comes_first_and_latencies_of_zero_are_told"],
    "GPUs that tell no memory are as good as their load": ["test_gpus_are_as_good_as_what_the_driver_says"],
    # docker
    "lines of JSON, and one that is none": [
        "test_a_listing_is_read_by_image",
        "test_a_line_that_is_no_image_is_told",
    ],
    "this machine first, its images preferred, those of another when it fails": [
        "test_this_machine_comes_first_and_its_images_count_or_those_of_the_first_that_answers",
    ],
    "an id beats a name": ["test_the_id_of_an_image_counts_more_than_its_name"],
    "what can be pulled": ["test_wrong_requests_of_older_clients_are_told_in_one_text"],
    "a node is meant by its control address": [
        "test_a_node_must_be_known",
        "test_nodes_of_the_daemon_carry_what_their_executor_needs",
        "test_a_node_may_be_named_by_an_address_as_older_entries_do",
    ],
    "the mode auto": [
        "test_the_mode_is_local_unless_somebody_says_otherwise",
        "test_the_executor_of_a_node",
    ],
    # benchmarks
    "the three command lines, word by word": ["test_the_three_cases_of_swap_laboratories"],
    "suites: lower case, once": ["test_plugins_are_lower_case_and_named_once"],
    "times, and none is now": [
        "test_a_time_with_a_zone_is_that_moment",
        "test_a_time_without_a_zone_is_the_servers",
        "test_no_time_means_at_once",
    ],
    "cancelling one that waits for its time": ["test_a_run_that_waits_for_its_time_is_cancelled_before_it_begins"],
    "the folder of the shim, from the environment, absolute or not": [
        "test_a_shim_of_the_operators_is_loaded_behind_ours_where_there_is_one",
        "test_the_folder_of_a_shim_may_be_named_from_where_the_daemon_runs",
    ],
    "tokenizers: suffixes of GGUF, folders of the hub, metadata, other engines, the model's own name": [
        "test_the_suffix_of_quantised_repositories_is_taken_off",
        "test_the_tokenizer_is_looked_for_in_this_order",
        "test_the_tokenizer_of_a_gguf_model_is_that_of_the_model_it_was_made_from",
    ],
    # clients, and processes
    "careful headers by default, HSTS when a proxy speaks TLS": [
        "test_without_a_limit_nobody_is_refused_and_browsers_are_told_to_be_careful",
        "test_the_index_is_asked_for_each_time_and_may_load_nothing_foreign",
    ],
    "no limit by default; with a burst of one the second is refused; the administrator never": [
        "test_without_a_limit_nobody_is_refused_and_browsers_are_told_to_be_careful",
        "test_a_client_that_asks_too_often_is_told_when_to_come_back",
        "test_a_burst_passes_and_then_one_at_a_time",
    ],
    "which image a model is said to have": [
        "test_the_list_of_models_says_recipe_mode_split_and_image_the_models_own_first",
    ],
    "a model that starts can be stopped": [
        "test_an_engine_that_does_not_get_ready_is_given_up_when_it_is_unloaded",
        "test_a_stop_at_any_turn_of_a_start_ends_it_and_leaves_nothing_running",
    ],
    "health is asked often at first, and less and less": [
        "test_the_first_probe_comes_after_4_ms_and_the_pauses_grow_to_250_ms",
    ],
}
REPLACED = {
    "a split model begins with a script that resets an unhealthy container `vllm_node`": (
        "containers have names of their own, and are swept away before each start, whatever their health",
        [
            "test_containers_go_before_and_after_whatever_happened",
            "test_a_cluster_launch_names_its_nodes_and_a_port_of_its_own",
        ],
    ),
    "a model on another node is `ssh … bash -lc` without single quotes": (
        "the launch is argv and a node; an executor carries it there, and quotes in one place",
        [
            "test_one_node_is_that_node_alone_and_several_are_a_cluster",
            "test_the_real_llama_server_runs_on_the_second_node_and_is_stopped_there",
        ],
    ),
    "generated commands are folded or laid out, one statement a line": (
        "nothing is generated into `cmd`, and a person's text is never written anew",
        [
            "test_an_older_entry_that_is_saved_is_launched_without_a_shell",
            "test_long_commands_keep_the_form_in_which_they_were_written",
        ],
    ),
    "the newest tag may be a candidate": (
        "candidates are offered when there is no release, or somebody asks for them",
        ["test_the_latest_image_is_a_final_version", "test_the_newest_release_is_no_candidate", "test_channels"],
    ),
    "the shim is looked for below the configuration's folder": (
        "it is part of the plugin, and always there",
        ["test_the_text_of_swebench_is_made_to_fit_unless_that_is_switched_off"],
    ),
    "containers are found by words in their names and images, in any case, to kill what serves in them": (
        "only what carries our label is ended, by its name",
        ["test_strangers_are_left_alone", "test_only_our_own_label_makes_a_leftover"],
    ),
    "a page may be framed by nobody, and hear nothing": (
        "pages of ours show pages of plugins, and the playground records speech; other sites may neither",
        ["test_without_a_limit_nobody_is_refused_and_browsers_are_told_to_be_careful"],
    ),
}


@cache
def _names():
    files = [*ROOT.glob("tests/**/test_*.py"), *ROOT.glob("plugins/*/tests/test_*.py")]
    trees = (ast.walk(ast.parse(file.read_text())) for file in files)
    return {node.name for tree in trees for node in tree if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("behaviour", HELD)
def test_a_behaviour_is_held_by_its_tests(behaviour):
    for name in HELD[behaviour]:
        assert name in _names(), f"no test is called {name}: name the one that took its place"


@pytest.mark.parametrize("behaviour", REPLACED)
def test_what_is_done_otherwise_has_its_reason_and_its_tests(behaviour):
    reason, tests = REPLACED[behaviour]
    assert reason
    for name in tests:
        assert name in _names(), f"no test is called {name}: name the one that took its place"

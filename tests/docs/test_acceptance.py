"""What the tests of the control plane before this one held fast, and the tests that hold it here."""

from __future__ import annotations

import ast
from functools import cache

import pytest
from repository import ROOT

HELD = {
    "the kind of a folder": ["test_a_folder_is_recognised_by_its_recipes_and_less_by_its_name"],
    "valid folders only": ["test_only_folders_with_a_runner_and_recipes_are_backends"],
    "backend of a recipe": ["test_a_recipe_of_the_users_names_its_backend_and_the_active_one_is_no_fallback"],
    "tags in order": ["test_release_candidates_come_before_their_version_and_posts_after"],
    "latest tag": ["test_the_latest_image_is_a_final_version"],
    "chosen images": [
        "test_the_choice_of_a_person_wins_then_the_variable_then_the_script",
        "test_the_image_is_the_choice_of_a_person_then_that_of_the_variable",
        "test_an_image_that_an_older_control_plane_has_chosen_counts",
    ],
    "download script": ["test_a_download_script_is_told_the_format_and_copies_only_when_asked"],
    "weights": ["test_safetensors_come_once_with_what_an_engine_reads_beside_them"],
    "recipe of a cached model": ["test_a_cached_model_becomes_a_recipe_and_a_model_that_answers"],
    "matching": ["test_the_entry_of_a_recipe_is_found_by_its_name_or_its_models_as_ever"],
    "long commands": ["test_a_nested_recipe_keeps_its_long_command"],
    "one node, several": ["test_one_node_is_that_node_alone_and_several_are_a_cluster"],
    "caches": ["test_containers_are_labelled_and_keep_their_compile_caches"],
    "create, edit, delete": ["test_create_change_and_delete_leave_the_groups_as_they_were"],
    "macros": ["test_macros_may_refer_to_later_ones_before_and_after_a_save"],
    "saving a recipe": ["test_saving_a_recipe_leaves_the_configuration_byte_for_byte"],
    "cascade": ["test_a_cascade_deletes_the_recipe_and_all_models_made_of_it"],
    "defaults": ["test_models_follow_the_defaults_of_their_recipe_again"],
    "what status looks at": ["test_a_request_says_what_it_wants_and_unknown_words_are_ignored"],
    "stale status": [
        "test_a_stale_answer_comes_at_once_and_is_renewed_behind_it",
        "test_no_cache_or_force_looks_again",
    ],
    "latencies": ["test_the_local_machine_comes_first_and_latencies_of_zero_are_told"],
    "quality of GPUs": ["test_gpus_are_as_good_as_what_the_driver_says"],
    "docker's lines": ["test_a_listing_is_read_by_image", "test_a_line_that_is_no_image_is_told"],
    "exec mode": ["test_the_mode_is_local_unless_somebody_says_otherwise", "test_the_executor_of_a_node"],
    "benchy's argv": ["test_the_three_cases_of_swap_laboratories"],
    "benchy's suites": ["test_plugins_are_lower_case_and_named_once"],
    "benchy's times": ["test_a_time_with_a_zone_is_that_moment", "test_no_time_means_at_once"],
    "benchy's shim": ["test_a_shim_of_the_operators_is_loaded_behind_ours_where_there_is_one"],
    "benchy's tokenizer": ["test_the_suffix_of_quantised_repositories_is_taken_off"],
    "image of a model": ["test_the_image_of_a_model_leaves_the_recipe_as_it_is"],
    "stop while starting": ["test_an_engine_that_does_not_get_ready_is_given_up_when_it_is_unloaded"],
    "headers of pages": ["test_the_index_is_asked_for_each_time_and_may_load_nothing_foreign"],
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

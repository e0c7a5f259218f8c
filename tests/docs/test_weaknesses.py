"""What the control plane before this one got wrong, and the tests that it would fail: a table that cannot rot.

| no. | what went wrong there |
| --- | --- |
| 2 | looking at the list deleted models whose recipe was not to be seen just then |
| 3 | one request at a time for each group, however many the engine could serve |
| 6 | the file was written without a lock, lost comments, links and mode; macros had to be in alphabetical order |
| 7 | extra arguments became one word, and could not be cleared |
| 8 | a recipe's backend was guessed from its path, wrongly; equal names hid each other |
| 9 | choosing an image for one model edited the recipe that all share, in a checkout of somebody else |
| 11 | images went through a shell, a success forgot the choice, "newest" was the last by name |
| 12 | actions blocked a request for hours, one at a time, without output, cancel or history |
| 13 | downloads always copied, to a folder nobody had chosen, and left the tokenizer out |
| 16 | unloading killed every process with a fitting name, other people's too |
| 17 | launches were shell text in shell text, with nothing checked |
| 23 | images were removed by force, whoever used them, and the list stayed old |
| 24 | models were deleted on all machines although something ran on them; a success was answered as a failure |
| 29 | a full disk was the client's mistake |
| 32 | a model with a slash in its name could not be deleted, and any name was taken |
| 33 | saving one field reset others |
"""

from __future__ import annotations

import ast
from functools import cache

import pytest
from repository import ROOT

API, ACTIONS = "tests/integration/recipes/test_recipe_api.py", "tests/integration/recipes/test_backend_actions.py"
PAGES, MODELS = "tests/integration/recipes/test_recipe_pages.py", "tests/integration/recipes/test_managed_models.py"
EDITOR, SERVING = "tests/unit/services/test_config_editor.py", "tests/unit/engine/test_swap_serving.py"
HUB, CONTAINERS = "tests/integration/plugins/test_model_hub.py", "tests/integration/plugins/test_containers.py"
TRTLLM, VLLM = "plugins/swaplab_trtllm/tests/test_trtllm.py", "plugins/swaplab_vllm/tests/test_vllm.py"
WEIGHTS, DOCKER = "plugins/swaplab_hub/tests/test_weights.py", "plugins/swaplab_docker/tests/test_pure.py"
EDITS, BENCHY = "tests/integration/recipes/test_recipe_edits.py", "tests/integration/plugins/test_benchmarks.py"

WOULD_FAIL = {
    2: [(API, "test_looking_deletes_nothing_and_an_orphan_goes_only_when_told")],
    3: [
        (SERVING, "test_requests_for_the_model_that_is_up_run_side_by_side_though_it_makes_way_for_others"),
        (SERVING, "test_concurrency_limit_rejects_over_limit_and_takes_a_place_given_back"),
    ],
    6: [
        (API, "test_a_new_model_is_written_beside_what_is_there"),
        (API, "test_macros_may_refer_to_later_ones_before_and_after_a_save"),
        (EDITS, "test_long_commands_keep_the_form_in_which_they_were_written"),
        (EDITOR, "test_a_link_stays_a_link"),
        (EDITOR, "test_the_history_is_for_the_eyes_of_its_owner_and_the_file_keeps_its_mode"),
    ],
    7: [(API, "test_arguments_are_words_from_end_to_end_and_can_be_cleared")],
    8: [
        (API, "test_same_named_recipes_of_two_backends_are_two_recipes"),
        (API, "test_every_recipe_is_listed_with_its_backend_and_what_is_wrong_with_it"),
    ],
    9: [
        (API, "test_the_image_of_a_model_leaves_the_recipe_as_it_is"),
        (API, "test_a_backends_own_recipe_is_changed_by_a_copy_of_the_users"),
    ],
    11: [
        (ACTIONS, "test_an_update_remembers_its_image_once_it_has_succeeded"),
        (ACTIONS, "test_the_newest_build_is_taken_not_the_last_name"),
        (ACTIONS, "test_what_is_not_offered_is_refused"),
        (TRTLLM, "test_the_latest_image_is_a_final_version"),
    ],
    12: [
        (ACTIONS, "test_the_status_shows_the_output_while_it_runs_and_a_second_action_has_to_wait"),
        (ACTIONS, "test_a_cancelled_build_leaves_no_process"),
        (ACTIONS, "test_two_backends_work_at_once_and_one_works_in_turn"),
        (ACTIONS, "test_the_log_of_a_job_is_there_after_a_restart"),
    ],
    13: [
        (HUB, "test_a_download_is_weighed_watched_and_listed"),
        (HUB, "test_another_folder_is_chosen_kept_and_taken_back"),
        (WEIGHTS, "test_safetensors_come_once_with_what_an_engine_reads_beside_them"),
        (WEIGHTS, "test_of_several_quantisations_none_is_guessed"),
    ],
    16: [
        (MODELS, "test_strangers_are_left_alone"),
        (VLLM, "test_the_stop_of_a_hot_swap_ends_the_engine_of_that_port_alone_and_needs_no_pkill"),
        (BENCHY, "test_a_cancelled_run_leaves_no_process_and_no_result"),
    ],
    17: [
        (API, "test_a_wrong_request_is_one_message_and_changes_nothing"),
        (API, "test_an_older_entry_that_is_saved_is_launched_without_a_shell"),
    ],
    23: [
        (CONTAINERS, "test_an_image_that_is_used_is_not_deleted_unless_told_so_and_the_list_is_true_at_once"),
        (DOCKER, "test_no_name_becomes_an_option"),
        (DOCKER, "test_a_node_must_be_known"),
    ],
    24: [
        (HUB, "test_what_a_model_names_is_not_deleted_by_accident"),
        (HUB, "test_a_deletion_by_the_older_route_answers_the_new_list"),
    ],
    29: [(API, "test_a_failure_of_the_disk_is_not_the_clients_mistake")],
    32: [
        (API, "test_a_model_with_a_slash_in_its_name_can_be_deleted"),
        (API, "test_an_id_that_fits_nowhere_is_refused"),
    ],
    33: [
        (API, "test_a_change_touches_what_it_names_and_nothing_else"),
        (PAGES, "test_a_managed_model_is_a_row_whose_form_begins_as_it_is"),
        (API, "test_create_change_and_delete_leave_the_groups_as_they_were"),
    ],
}  # fmt: skip


@cache
def _names_in(file):
    tree = ast.parse((ROOT / file).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("weakness", WOULD_FAIL)
def test_every_weakness_has_its_tests(weakness):
    assert f"| {weakness} |" in (__doc__ or "")
    for file, name in WOULD_FAIL[weakness]:
        assert name in _names_in(file), f"{file} has no {name}: name the test that took its place"

"""The language of matrix sets: tokens, what is refused and where, and what the graph shares."""

from __future__ import annotations

import pytest

from swaplab_core.domain.ids import ModelId
from swaplab_core.engine.matrix_dsl import (
    MAX_DEPTH,
    AllOf,
    AnyOf,
    DslProblem,
    Kind,
    Leaf,
    Node,
    Program,
    Token,
    compile_sets,
    tokenize,
)


def compiled(sets: dict[str, str], models: str = "a b c d") -> Program:
    program = compile_sets(sets, {name: ModelId(name) for name in models.split()})
    assert isinstance(program, Program), program
    return program


def problems(sets: dict[str, str], models: str = "a b c d") -> tuple[DslProblem, ...]:
    found = compile_sets(sets, {name: ModelId(name) for name in models.split()})
    assert isinstance(found, tuple)
    return found


def shape(program: Program, node: Node) -> str:
    """The node written with all its parentheses."""
    match node:
        case Leaf(support):
            return next(model for model, bit in program.bits.items() if bit == support)
        case AnyOf(choices):
            return f"({' | '.join(shape(program, choice) for choice in choices)})"
        case AllOf(parts):
            return f"({' & '.join(shape(program, part) for part in parts)})"


def written(expression: str) -> str:
    program = compiled({"s": expression})
    return shape(program, program.sets[0].root)


def test_tokenize_names_operators_and_references():
    assert tokenize(" (a|+base) &b-1.x_2") == (
        Token(Kind.OPEN, "(", 1),
        Token(Kind.NAME, "a", 2),
        Token(Kind.OR, "|", 3),
        Token(Kind.REFERENCE, "base", 4),
        Token(Kind.CLOSE, ")", 9),
        Token(Kind.AND, "&", 11),
        Token(Kind.NAME, "b-1.x_2", 12),
        Token(Kind.END, "", 19),
    )


def test_tokenize_marks_what_belongs_nowhere():
    assert tokenize("+ @") == (
        Token(Kind.UNEXPECTED, "+", 0),
        Token(Kind.UNEXPECTED, "@", 2),
        Token(Kind.END, "", 3),
    )


def test_names_may_have_letters_of_any_language():
    assert written_names("größe | модель") == ("größe", "модель")


def written_names(expression: str) -> tuple[str, ...]:
    return tuple(compiled({"s": expression}, expression.replace("|", " ")).bits)


@pytest.mark.parametrize(
    ("expression", "means"),
    [
        ("a", "a"),
        ("((a))", "a"),
        ("a & b", "(a & b)"),
        ("a | b | c", "(a | b | c)"),
        ("a | b & c", "(a | (b & c))"),
        ("a & b | c & d", "((a & b) | (c & d))"),
        ("(a | b) & (c | d)", "((a | b) & (c | d))"),
        ("a & (b | (c & d))", "(a & (b | (c & d)))"),
    ],
)
def test_and_binds_tighter_than_or(expression, means):
    assert written(expression) == means


def test_a_reference_shares_the_node_of_the_other_set():
    program = compiled({"pair": "a & b", "more": "+pair | +pair & c"})
    pair, more = (matrix_set.root for matrix_set in program.sets)

    assert isinstance(more, AnyOf)
    assert more.choices[0] is pair


def test_referenced_sets_come_first_and_the_others_stay_as_written():
    program = compiled({"late": "+deep & +mid", "x": "a", "mid": "+deep", "deep": "b", "y": "c"})

    assert [matrix_set.name for matrix_set in program.sets] == ["deep", "mid", "late", "x", "y"]


def test_every_model_has_one_bit_in_the_order_of_mention():
    assert compiled({"one": "c & a", "two": "b | a"}).bits == {"c": 1, "a": 2, "b": 4}


@pytest.mark.parametrize(
    ("expression", "position", "message", "advice"),
    [
        ("", 0, "the expression is empty", "name at least one model"),
        ("  ", 0, "the expression is empty", "name at least one model"),
        ("(a", 0, "'(' is never closed", "add the missing ')'"),
        ("a & (b | (c)", 4, "'(' is never closed", "add the missing ')'"),
        ("a)", 1, "')' closes nothing", "remove it, or add the '(' it belongs to"),
        ("()", 1, "')' where a model should be", "name a model, or write +set"),
        ("a && b", 3, "'&' where a model should be", "name a model, or write +set"),
        ("a |", 3, "the expression ends too early", "name one more model"),
        ("a b", 2, "no operator before 'b'", "write '&' or '|' between them"),
        ("a (b)", 2, "no operator before '('", "write '&' or '|' between them"),
        ("a & +", 4, "'+' without a name", "write the name of a set right behind it"),
        (
            "a & org/b",
            7,
            "unexpected character '/'",
            "names have letters, digits, '_', '-' and '.'; give another model a short name in vars",
        ),
    ],
)
def test_compile_errors_of_grammar_say_where_and_what_to_do(expression, position, message, advice):
    assert problems({"s": expression}, "a b c org")[0] == DslProblem("s", position, message, advice, "sets.s")


@pytest.mark.parametrize(
    ("expression", "position", "message", "advice"),
    [
        ("alpha & betta", 8, "unknown model or variable 'betta'", "did you mean 'beta'?"),
        ("alpha & zzz", 8, "unknown model or variable 'zzz'", ""),
        ("alpha & small", 8, "unknown model or variable 'small'", "write +small to use that set"),
        ("alpha & +smal", 8, "there is no set 'smal'", "did you mean 'small'?"),
        ("alpha & +beta", 8, "there is no set 'beta'", "a model is written without '+'"),
    ],
)
def test_compile_errors_of_names_guess_what_was_meant(expression, position, message, advice):
    assert problems({"small": "beta", "s": expression}, "alpha beta") == (DslProblem("s", position, message, advice),)


def test_all_mistakes_are_told_at_once():
    found = problems({"one": "x & y", "two": "a b", "three": "+none"})

    assert [(problem.set_name, problem.position) for problem in found] == [
        ("one", 0),
        ("one", 4),
        ("two", 2),
        ("three", 0),
    ]


def test_a_circular_reference_is_shown_as_a_path():
    assert problems({"start": "+one", "one": "a & +two", "two": "b | +three", "three": "+one"}) == (
        DslProblem("three", 0, "circular reference: one → two → three → one", "no set may contain itself"),
    )


def test_a_set_may_not_refer_to_itself():
    assert problems({"s": "a & +s"}) == (DslProblem("s", 4, "circular reference: s → s", "no set may contain itself"),)


def test_parentheses_may_nest_up_to_the_limit():
    assert written("(" * MAX_DEPTH + "a" + ")" * MAX_DEPTH) == "a"
    (problem,) = problems({"s": "(" * (MAX_DEPTH + 1) + "a" + ")" * (MAX_DEPTH + 1)})
    assert (problem.position, problem.advice) == (MAX_DEPTH, "write it flatter")


def test_references_may_nest_up_to_the_limit():
    chain = {f"s{level}": f"+s{level - 1} & a" if level else "b" for level in range(2000)}
    allowed = dict(list(chain.items())[:MAX_DEPTH])

    assert compiled(allowed).sets[-1].root.depth == MAX_DEPTH
    (problem,) = problems(chain)
    assert problem.set_name == f"s{MAX_DEPTH}"


def test_shared_references_are_not_multiplied_out():
    doubling = {f"s{level}": f"+s{level - 1} & +s{level - 1}" if level else "a | b" for level in range(60)}

    assert compiled(doubling).sets[-1].root.support == 0b11

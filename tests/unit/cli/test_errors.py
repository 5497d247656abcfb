"""How mistakes are told."""

from cli.errors import Mistake
from cli.transport import problem_of


def test_a_mistake_says_what_where_and_what_to_do() -> None:
    assert Mistake("render.size", "width must be even", "width", "Take 1280.").lines == [
        "render.size at width: width must be even",
        "What to do: Take 1280.",
    ]


def test_a_single_error_is_not_told_twice_and_several_are_all_told() -> None:
    one = {"code": "a.b", "field": "x", "detail": "wrong"}
    two = {"code": "a.c", "field": "y", "detail": "wrong too"}
    assert Mistake("a.b", "wrong", "x", errors=[one]).lines == ["a.b at x: wrong"]
    assert Mistake("a.b", "wrong", "x", errors=[one, two]).lines == ["2 problems:", "a.b at x: wrong", "a.c at y: wrong too"]
    assert Mistake("a.b", "wrong", errors=[{"detail": "table t"}]).lines == ["a.b: wrong", "  table t"]


def test_a_problem_of_the_service_keeps_its_fields_and_gets_the_tables_remedy() -> None:
    problem = problem_of(401, b'{"code": "auth.invalid", "detail": "no such key", "status": 401}')
    assert (problem.code, problem.status) == ("auth.invalid", 401)
    assert "create a new one" in problem.remedy


def test_an_answer_that_is_not_the_services_is_told_in_short() -> None:
    problem = problem_of(502, b"<html>Bad gateway</html>")
    assert problem.lines[0] == "http.502: <html>Bad gateway</html>"

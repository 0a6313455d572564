"""What arguments must be, in the words in which the whole course says it."""

import numpy as np
import pytest
import torch

from course_utils import require

ROWS, SQUARES = torch.zeros(3, 4), torch.zeros(2, 5, 5)


@pytest.mark.parametrize(
    "asked",
    [
        {"a": (ROWS, "float [N, K]"), "b": (torch.zeros(3, dtype=torch.int64), "int64 [N]")},
        {"a": (ROWS.double(), "float [3, …]"), "b": (SQUARES, "float32 [M, H, H]")},
        {"a": (torch.tensor(1.0), "float []"), "b": (torch.ones(2, dtype=torch.bool), "any [M, …]")},
    ],
)
def test_what_fits_is_taken(asked):
    require.tensors(**asked)


@pytest.mark.parametrize(
    "asked, says",
    [
        ({"a": ([1.0], "float [N]")}, r"a must be float \[N\], got list of 1"),
        ({"a": (ROWS.numpy(), "float [N, K]")}, r"a must be float \[N, K\], got ndarray float32 \[3, 4\]"),
        ({"a": (ROWS, "int64 [N, K]")}, r"a must be int64 \[N, K\], got float32 \[3, 4\]"),
        ({"a": (ROWS, "float [N]")}, r"got float32 \[3, 4\]"),
        ({"a": (ROWS, "float [N, K]"), "b": (ROWS[:2], "float [N, K]")}, r"b must be .* with N = 3, K = 4, got"),
        ({"a": (torch.zeros(2, 5, 4), "float [M, H, H]")}, r"a must be float \[M, H, H\], got float32 \[2, 5, 4\]"),
        ({"a": (ROWS[:0], "float [N, K]")}, r"a must be float \[N, K\], not empty, got float32 \[0, 4\]"),
        ({"a": (ROWS, "float [N, K]"), "b": (ROWS.to("meta"), "float [N, K]")}, "b must be on cpu as a is, .* on meta"),
    ],
)
def test_what_does_not_fit_is_named(asked, says):
    with pytest.raises(ValueError, match=says):
        require.tensors(**asked)


def test_an_empty_tensor_is_taken_where_it_may_be():
    require.tensors(may_be_empty=True, a=(ROWS[:0], "float [N, K]"))


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda: require.labels(torch.tensor([0, 3]), classes=3), r"labels must lie in 0…2, got values from 0 to 3"),
        (lambda: require.labels(torch.tensor([-1]), name="bias"), "bias must be at least 0, got values from -1 to -1"),
        (lambda: require.labels(torch.tensor([1]), n=2), r"labels must be int64 \[2\], got int64 \[1\]"),
        (lambda: require.box(x=torch.tensor([0.0, 255.0])), r"x must lie in \[0, 1\] \(divide by 255\), got"),
        (lambda: require.box(x=torch.tensor([torch.nan])), r"x must lie in \[0, 1\] .* got values from nan"),
        (lambda: require.finite(x=torch.tensor([1.0, torch.inf, torch.nan])), "x must be finite, got 2 that are"),
        (lambda: require.above(0, lr=0), "lr must be a finite number above 0, got 0"),
        (lambda: require.above(0, lr=float("nan")), "got nan"),
        (lambda: require.at_least(0, eps=float("inf")), "eps must be a finite number, at least 0, got inf"),
        (lambda: require.between(0, 1, lam="0.5"), r"lam must be a number in \[0, 1\], got '0.5'"),
        (lambda: require.whole(epochs=2.5), "epochs must be a whole number, at least 1, got 2.5"),
        (lambda: require.whole(0, 9, digit=10), "digit must be a whole number, from 0 to 9, got 10"),
        (lambda: require.one_of(("2", "inf"), norm=2), "norm must be one of '2', 'inf', got 2"),
        (lambda: require.generator(3), "generator must be a torch.Generator on the CPU, got 3"),
        (lambda: require.network(torch.nn.ReLU), "got the class ReLU: its \\(\\) forgotten?"),
        (lambda: require.function(loss=3), "loss must be a function, got 3"),
        (lambda: require.function(loss=torch.nn.MSELoss), "got the class MSELoss: its \\(\\) forgotten?"),
        (
            lambda: require.one_of(("2", "inf"), norm=np.array(["2", "inf"])),
            "norm must be one of '2', 'inf', got ndarray",
        ),
        (lambda: require.box(images=torch.tensor([float("nan")])), r"must lie in \[0, 1\] \(and be numbers\)"),
    ],
)
def test_each_says_what_it_is_about(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def test_checked_passes_everything_on():
    @require.checked(lambda n: require.whole(n=n))
    def counted(n, double=False):
        """How many."""
        return 2 * n if double else n

    assert (counted(2), counted(n=2, double=True), counted.__doc__) == (2, 4, "How many.")
    with pytest.raises(ValueError, match="n must be a whole number"):
        counted(0)
    with pytest.raises(TypeError, match=r"missing 1 required positional argument: 'n'"):
        counted(double=True)
    with pytest.raises(TypeError, match="unexpected keyword argument 'm'"):
        counted(2, m=3)


def test_checked_leaves_it_to_python_to_say_what_is_too_much():
    @require.checked(lambda loss: require.function(loss=loss))
    def train(model, *, loss=print):
        return model

    with pytest.raises(TypeError, match="takes 1 positional argument but 2 were given"):
        train(1, 20)


def test_each_check_gets_the_arguments_that_it_names():
    seen = []

    @require.checked(lambda c, a: seen.append((a, c)), lambda b, other=9: seen.append((b, other)))
    def three(a, b=2, *, c=3):
        return a + b + c

    assert three(1) == 6 and seen == [(1, 3), (2, 9)]
    assert three(1, 5, c=4) == 10 and seen[2:] == [(1, 4), (5, 9)]
    with pytest.raises(TypeError, match="must name arguments of what it checks, got d"):
        require.checked(lambda d: None)(three)

"""A batch cut into chunks is the batch, whatever broadcasts against what, and leaves no trace."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from beolith.devices import library, parallel
from beolith.devices.tekv import Tekv

Shape = tuple[int, ...]
# shape of length, of temperature, and of the three biases
SHAPES: dict[str, tuple[Shape, Shape, Shape, Shape, Shape]] = {
    "one device, many biases": ((), (), (30_000,), (), ()),
    "many devices, one bias": ((30_000,), (), (), (), ()),
    "matched": ((20_000,), (20_000,), (20_000,), (20_000,), (20_000,)),
    "outer product": ((3000, 1), (), (1, 7), (), (1, 1)),
    "long axis last": ((3, 1), (3, 1), (1, 9000), (9000,), ()),
    "long axis in the middle": ((2, 9000, 1), (3,), (9000, 1), (2, 1, 1), (3,)),
    "three different axes": ((11, 1, 1), (13, 1), (1, 1, 170), (), (13, 170)),
    "axis of one first": ((1, 20_000), (1, 1), (20_000,), (1, 20_000), (1,)),
    "more small axes than chunk": ((40, 1, 1), (40, 1), (40,), (40, 40), ()),
    "just small": ((parallel.SMALL,), (), (), (), ()),
    "just not small": ((parallel.SMALL + 1,), (), (), (), ()),
    "one more than a chunk": ((), (), (parallel.CHUNK + 1,), (), ()),
    "empty": ((), (), (0,), (), ()),
}
METHODS = ["current", "conductances", "charges", "current_and_charges", "current_and_conductances"]


def flatten(result: object) -> list[Tensor]:
    if isinstance(result, Tensor):
        return [result]
    assert isinstance(result, tuple)
    return [leaf for part in result for leaf in flatten(part)]


def setup(shapes: tuple[Shape, Shape, Shape, Shape, Shape]) -> tuple[Tekv, list[Tensor]]:
    generator = torch.Generator().manual_seed(5)
    length, temperature, *biases = (torch.rand(s, generator=generator, dtype=torch.float64) for s in shapes)
    device = library.load("liu2023_ito").transistor(
        torch.tensor(1e-6, dtype=torch.float64), 4e-8 + 1e-6 * length, 250.0 + 150.0 * temperature
    )
    return device, [4.0 * v - 2.0 for v in biases]


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> Callable[[Tekv, str, list[Tensor]], list[Tensor]]:
    """The same call with every batch taken for a small one."""

    def call(device: Tekv, method: str, biases: list[Tensor]) -> list[Tensor]:
        with monkeypatch.context() as patch:
            patch.setattr(parallel, "SMALL", 1 << 60)
            return flatten(getattr(device, method)(*biases))

    return call


@pytest.mark.parametrize("shapes", SHAPES.values(), ids=SHAPES.keys())
@pytest.mark.parametrize("method", METHODS)
def test_chunks_are_the_whole(whole: Callable[..., list[Tensor]], method: str, shapes: tuple[Shape, ...]):
    """To rounding: a vector instruction may take the last elements of a chunk apart."""
    device, biases = setup(shapes)
    chunked, expected = flatten(getattr(device, method)(*biases)), whole(device, method, biases)
    for one, two in zip(chunked, expected, strict=True):
        assert one.shape == two.shape == torch.broadcast_shapes(*shapes)
        scale = float(two.abs().max()) if two.numel() else 0.0
        torch.testing.assert_close(one, two, rtol=1e-12, atol=1e-16 * scale)


def test_the_kernel_is_cut_into_cache_sized_pieces():
    """No chunk is larger than CHUNK elements, and together they are the batch."""
    seen: list[int] = []

    def kernel(coefficients: tuple[Tensor, ...], v: Tensor) -> Tensor:
        seen.append(torch.broadcast_shapes(coefficients[0].shape, v.shape).numel())
        return coefficients[0] * v

    a = torch.rand(5, 1, dtype=torch.float64)
    v = torch.rand(9001, dtype=torch.float64)
    assert torch.equal(parallel.in_chunks(kernel, (a,), parallel.extent((a,)), v), a * v)
    assert sum(seen) == 5 * 9001
    assert max(seen) <= parallel.CHUNK
    assert len(seen) > 1


def test_the_setting_of_the_caller_is_left_alone():
    before = torch.get_num_threads()
    device, biases = setup(SHAPES["matched"])
    device.current_and_charges(*biases)
    assert torch.get_num_threads() == before
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_any_number_of_threads_gives_the_same(threads: int):
    device, biases = setup(SHAPES["three different axes"])
    before = torch.get_num_threads()
    expected = device.current(*biases)
    torch.set_num_threads(threads)
    try:
        found = device.current(*biases)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert torch.equal(found, expected)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_without_gradients(mode: Callable[[], torch.autograd.grad_mode.no_grad]):
    device, biases = setup(SHAPES["matched"])
    expected = device.current(*biases)
    biases = [v.requires_grad_() for v in biases]
    with mode():
        found = device.current(*biases)
    assert not found.requires_grad
    assert found.is_inference() == (mode is torch.inference_mode)
    assert torch.equal(found, expected)


def test_outside_inference_mode_the_result_can_be_differentiated_further():
    """A chunked current is an ordinary tensor, which may be saved for a backward pass."""
    device, biases = setup(SHAPES["matched"])
    factor = torch.ones(20_000, dtype=torch.float64, requires_grad=True)
    (factor * device.current(*biases)).sum().backward()
    assert factor.grad is not None


def test_with_gradients_the_numbers_are_the_same():
    """The kernel then runs whole; by a bias or by a parameter."""
    device, biases = setup(SHAPES["outer product"])
    expected = device.current(*biases)
    v_g = biases[0].clone().requires_grad_()
    found = device.current(v_g, *biases[1:])
    assert found.requires_grad
    torch.testing.assert_close(found.detach(), expected, rtol=1e-12, atol=0)
    p = device.parameters.replace(mobility=device.parameters.mobility.clone().requires_grad_())
    by_parameter = Tekv(p, device.width, device.length, device.temperature).current(*biases)
    by_parameter.sum().backward()
    assert p.mobility.grad is not None
    torch.testing.assert_close(by_parameter.detach(), expected, rtol=1e-12, atol=0)


def test_an_error_in_a_chunk_reaches_the_caller():
    def kernel(coefficients: tuple[Tensor, ...], v: Tensor) -> Tensor:
        raise ArithmeticError("broken")

    a = torch.rand(30_000, dtype=torch.float64)
    with pytest.raises(ArithmeticError, match="broken"):
        parallel.in_chunks(kernel, (a,), parallel.extent((a,)), a)

"""Sweeps against closed forms, differences, ngspice and the hysteresis of a latch."""

from __future__ import annotations

import shutil

import pytest
import torch
from torch import Tensor

from beolith.circuits import deck
from beolith.circuits.netlist import (
    Capacitor,
    Circuit,
    CurrentSource,
    Fet,
    Resistor,
    Switch,
    VoltageSource,
    pwl,
)
from beolith.circuits.sweep import sweep
from beolith.devices import library
from beolith.devices.base import Transistor
from beolith.errors import BeolithError


def f64(*x: float) -> Tensor:
    return torch.tensor(x[0] if len(x) == 1 else x, dtype=torch.float64)


def silicon(card: str, width: float) -> Transistor:
    return library.load(card).transistor(f64(width), f64(17.5e-9), f64(300.0))


N, P = silicon("silicon_45nm", 2e-7), silicon("silicon_45nm_p", 2e-7)


def divider(top: Tensor | float = 1e3) -> Circuit:
    r = top if isinstance(top, Tensor) else f64(top)
    return Circuit(
        "divider",
        (
            VoltageSource("v", "in", "0", f64(1.0)),
            Resistor("top", "in", "out", r),
            Resistor("low", "out", "0", f64(3e3)),
            CurrentSource("i", "out", "0", f64(0.0)),
        ),
    )


def inverter(n: Transistor = N) -> Circuit:
    return Circuit(
        "inverter",
        (
            VoltageSource("vdd", "vdd", "0", f64(1.0)),
            VoltageSource("vin", "in", "0", f64(0.0)),
            Fet("p", "in", "out", "vdd", P),
            Fet("n", "in", "out", "0", n),
            Capacitor("load", "out", "0", f64(1e-15)),
        ),
    )


def latch() -> Circuit:
    """Two inverters that hold each other, pulled at through a resistor that is weaker than they are."""
    parts = [Fet(f"{k}_{out}", into, out, rail, m) for out, into in ("ab", "ba") for k, rail, m in KINDS]
    supply = VoltageSource("vdd", "vdd", "0", f64(1.0))
    return Circuit("latch", (supply, VoltageSource("vin", "in", "0", f64(0.0)), Resistor("r", "in", "a", R), *parts))


KINDS = (("n", "0", N), ("p", "vdd", P))
R = f64(5e3)


# ------------------------------------------------------------------------------------------------- linear circuits


def test_a_divider_exactly():
    values, top = torch.linspace(-1.0, 2.0, 7, dtype=torch.float64), f64(1e3, 3e3)
    found = sweep(divider(top), "v", values)
    share = 3e3 / (3e3 + top)
    assert found["out"].shape == found.converged.shape == (7, 2)
    assert bool(found.converged.all())
    torch.testing.assert_close(found["in"], values[:, None].expand(7, 2))
    torch.testing.assert_close(found["out"], values[:, None] * share)
    torch.testing.assert_close(found.current("v"), values[:, None] / (3e3 + top))
    torch.testing.assert_close(found.slope("out"), share.expand(7, 2))


def test_two_sources_nest_and_one_may_be_a_current():
    values, currents = f64(0.0, 0.5, 1.0), f64(-1e-4, 0.0, 1e-4, 2e-4)
    found = sweep(divider(f64(1e3, 3e3)), "v", values, outer=("i", currents))
    low, top = 3e3, f64(1e3, 3e3)
    exact = (values[:, None, None] / top + currents[:, None]) / (1 / top + 1 / low)
    assert found["out"].shape == (3, 4, 2)
    torch.testing.assert_close(found["out"], exact)
    by_current = sweep(divider(), "i", currents).slope("out")
    torch.testing.assert_close(by_current, torch.full((4,), 750.0, dtype=torch.float64))


def test_values_may_be_batched_and_followed():
    values = torch.stack((f64(0.0, 0.5, 1.0), f64(1.0, 0.5, 0.0)), 1)
    for follow in (False, True):
        found = sweep(divider(f64(1e3, 3e3)), "v", values, follow=follow)
        torch.testing.assert_close(found["out"], values * f64(0.75, 0.5))


@pytest.mark.parametrize("ends", [("a", "0", 1.0), ("0", "a", -1.0), ("a", "b", 1.0), ("b", "a", -1.0)])
def test_a_current_counts_out_of_the_plus_end(ends: tuple[str, str, float]):
    """1 V over 1 kohm, whichever end is held and whether any is: what flows out of plus returns into minus."""
    plus, minus, sign = ends
    parts = (VoltageSource("v", plus, minus, f64(1.0)), Resistor("r", "a", "0", f64(1e3)))
    if minus == "0" or plus == "0":
        found = sweep(Circuit("held", parts), "v", [0.5, 2.0])
    else:
        shunt = (VoltageSource("foot", "0", "b", f64(0.0)), Resistor("more", "a", "b", f64(1e3)))
        found = sweep(Circuit("free", (*parts, *shunt)), "v", [0.5, 2.0])
        assert float(found.current("foot")[0]) == pytest.approx(-sign * 0.5e-3)
    over = 1e3 if "0" in ends else 500.0
    torch.testing.assert_close(found["a"], sign * f64(0.5, 2.0))
    torch.testing.assert_close(found.current("v"), f64(0.5, 2.0) / over)


def test_other_sources_stand_at_their_value_at_time_0():
    waves = (
        pwl([-1e-9, 1e-9, 2e-9], [0.0, 1.0, 5.0]),
        pwl([1e-9, 2e-9], [f64(0.5), f64(7.0)]),
        pwl([-2e-9, -1e-9], [7.0, f64(0.5, 0.5)]),
    )
    for wave in waves:
        parts = (VoltageSource("v", "a", "b", f64(0.0)), VoltageSource("w", "b", "0", wave))
        circuit = Circuit("two", (*parts, Resistor("r", "a", "0", f64(1e3))))
        found = sweep(circuit, "v", [1.0, 2.0])["a"]
        torch.testing.assert_close(found.reshape(2, -1)[:, -1], f64(1.5, 2.5))


# ------------------------------------------------------------------------------------------------------ transistors


@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed (Debian package 'ngspice')")
def test_an_inverter_transfers_as_in_ngspice():
    values = torch.linspace(0.0, 1.0, 51, dtype=torch.float64)
    found = sweep(inverter(), "vin", values)
    theirs = deck.dc(inverter(), "vin", (0.0, 1.0, 0.02), ["in", "out"])
    torch.testing.assert_close(theirs["in"], values, rtol=0, atol=1e-9)
    torch.testing.assert_close(found["out"], theirs["out"], rtol=0, atol=1e-4)
    assert bool((found["out"].diff() < 0).all())
    assert float(found["out"][0] - found["out"][-1]) > 0.99


def test_the_gain_is_the_slope():
    values, step = torch.linspace(0.3, 0.7, 9, dtype=torch.float64), 1e-5
    gain = sweep(inverter(), "vin", values).slope("out")
    up, down = (sweep(inverter(), "vin", values + x)["out"] for x in (step, -step))
    torch.testing.assert_close(gain, (up - down) / (2 * step), rtol=1e-5, atol=1e-7)
    assert float(gain.min()) < -3.0


def test_a_sweep_is_differentiable_in_a_parameter_and_in_its_values():
    values = torch.linspace(0.4, 0.6, 2, dtype=torch.float64).requires_grad_()
    width = f64(2e-7).requires_grad_()

    def found(width: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        n = library.load("silicon_45nm").transistor(width, f64(17.5e-9), f64(300.0))
        swept = sweep(inverter(n), "vin", values)
        return swept["out"].sum(), 1e4 * swept.current("vdd").sum()

    for i in range(2):
        by_width, by_values = torch.autograd.grad(found(width, values)[i], (width, values))
        with torch.no_grad():
            h = 1e-12
            difference = (found(width + h, values)[i] - found(width - h, values)[i]) / (2 * h)
            step = 1e-6 * torch.eye(2, dtype=torch.float64)
            along = [(found(width, values + x)[i] - found(width, values - x)[i]) / 2e-6 for x in step]
        torch.testing.assert_close(by_width, difference, rtol=1e-4, atol=0)
        torch.testing.assert_close(by_values, torch.stack(along), rtol=1e-4, atol=1e-6)


def test_a_latch_shows_hysteresis_where_it_is_followed():
    """Up and down, one batch, differ in between and agree at the ends, with one jump each, up later than down."""
    rising = torch.linspace(-1.0, 2.0, 13, dtype=torch.float64)
    values = torch.stack((rising, rising.flip(0)), 1)
    found = sweep(latch(), "vin", values, guess={"a": f64(0.0, 1.0), "b": f64(1.0, 0.0)}, follow=True)
    assert bool(found.converged.all())
    up, down = found["a"][:, 0], found["a"][:, 1].flip(0)
    middle = len(rising) // 2
    assert float(up[middle]) < 0.3
    assert float(down[middle]) > 0.7
    for end in (0, -1):
        assert float(up[end]) == pytest.approx(float(down[end]), abs=1e-6)
    jumps = [(branch.diff() > 0.3).nonzero().flatten().tolist() for branch in (up, down)]
    assert [len(x) for x in jumps] == [1, 1]
    assert jumps[0][0] > middle > jumps[1][0]
    # unfollowed, each point knows nothing of the others, and both directions find the same
    alone = sweep(latch(), "vin", values[::3])["a"]
    torch.testing.assert_close(alone[:, 0], alone[:, 1].flip(0))


def test_slopes_of_a_followed_branch_are_those_of_that_branch():
    values = torch.linspace(-1.0, 0.5, 13, dtype=torch.float64)
    found = sweep(latch(), "vin", values, guess={"b": 1.0}, follow=True)
    slope = found.slope("a")
    mean = 0.125 * (0.5 * (slope[1:] + slope[:-1]))
    torch.testing.assert_close(mean, found["a"].diff(), rtol=0.02, atol=0)


# ----------------------------------------------------------------------------------------------------------- faults


def test_what_is_refused():
    with pytest.raises(BeolithError, match=r"no source 'vi'; did you mean 'vin'"):
        sweep(inverter(), "vi", [0.0])
    with pytest.raises(BeolithError, match=r"no source 'w'"):
        sweep(inverter(), "vin", [0.0], outer=("w", [0.0]))
    with pytest.raises(BeolithError, match="cannot be the outer one too"):
        sweep(inverter(), "vin", [0.0], outer=("vin", [0.0]))
    with pytest.raises(BeolithError, match="no voltage source 'i'; allowed: v"):
        sweep(divider(), "v", [0.0]).current("i")
    for values in ([], [float("nan")], f64(1.0)):
        with pytest.raises(BeolithError, match="one or more finite numbers"):
            sweep(divider(), "v", values)


def test_a_point_without_a_state_is_not_a_number():
    """A switch that opens as its own voltage rises carries so much and no more."""
    numbers = (f64(-0.5), f64(1e-3), f64(1e-15), f64(0.02))
    parts = (CurrentSource("i", "a", "0", f64(0.0)), Switch("s", "a", "foot", "0", "a", *numbers))
    found = sweep(Circuit("opens", (*parts, VoltageSource("foot", "foot", "0", f64(0.0)))), "i", [1e-4, 1.0])
    assert found.converged.tolist() == [True, False]
    assert float(found["a"][0]) == pytest.approx(0.1, rel=1e-5)
    for each in (found["a"], found["foot"], found.slope("a"), found.current("foot")):
        assert each.isnan().tolist() == [False, True]

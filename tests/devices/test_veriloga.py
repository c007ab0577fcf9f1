"""The exported Verilog-A, compiled by OpenVAF and evaluated by its interpreter, against the Python model."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from beolith.devices import library
from beolith.devices.base import DeviceState
from beolith.devices.export import veriloga
from beolith.devices.export.expression import Trace, in_order, substitute
from beolith.devices.export.model import Biases, Parts, model
from beolith.devices.library import Device
from beolith.devices.tekv import Tekv
from beolith.devices.thin_film import ThinFilmTransistor
from beolith.devices.uccm import log_charge

from .conftest import tensor

openvaf_py = pytest.importorskip("openvaf_py", reason="openvaf-py is not installed; it is in the extra 'dev'")

WIDTH = 0.7e-6
VOLTAGES = (-1.0, -0.25, 0.5, 1.25, 2.0)
BIASES = torch.tensor(list(itertools.product(VOLTAGES, repeat=3)), dtype=torch.float64)
TEMPERATURES = (233.0, 300.0, 358.0, 398.0)
RICH = {
    "tekv.saturation_velocity": "2e5 m/s", "tekv.length_modulation": "1 nm/V", "tekv.drain_lowering": 0.3,
    "tekv.threshold_rolloff": "0.2 V", "tekv.slope_rolloff": 0.4, "tekv.leakage_field": 0.7,
    "tekv.core_radius": "20 nm", "tekv.back_oxide_thickness": "15 nm", "tekv.back_threshold": "0.3 V",
    "tekv.percolation_exponent": 0.3, "tekv.percolation_charge": 2.0, "tekv.activation_slope": "30 K",
    "tekv.mobility_degradation": 0.02, "tekv.confinement_energy": "0.3 eV", "tekv.roughness_depth": "0.2 nm",
}  # fmt: skip
OHMIC = {
    "contacts.minimum_resistance": "0.1 kohm*um", "contacts.barrier_resistance": "30 kohm*um",
    "contacts.barrier_activation": "0.05 eV", "contacts.charge_scale": "0.2 uC/cm**2",
    "contacts.hydrogen_scale": "1e19 1/cm**3",
}  # fmt: skip

LEAKY = {
    "gate.conductivity": 3e-9, "gate.trap_depth": "0.4 eV", "gate.optical_permittivity": 4.0, "gate.tunnelling": 0.1,
    "gate.barrier_height": "1.3 eV", "gate.tunnelling_mass": 0.2,
    "noise.border_traps": "1e18 1/(cm**3*eV)", "noise.scattering": 1e3, "noise.hooge": 1e-3,
}  # fmt: skip


class Module:
    """A compiled module: what flows into its nodes, at any voltages of its terminals."""

    def __init__(self, text: str, folder: Path):
        file = folder / "model.va"
        file.write_text(text)
        (self.module,) = openvaf_py.compile_va(str(file))
        self.nodes = [node["name"] for node in self.module.get_dae_system()["nodes"]]
        self.branches = {name: re.findall(r"\w+", name)[1:] for name in self.module.param_names if name[:2] == "V("}

    def at(self, v: Mapping[str, float], drops: np.ndarray, **parameters: float) -> tuple[np.ndarray, np.ndarray]:
        """Current and charge into each node, shape (nodes, 2), and their derivatives, shape (nodes, nodes, 2).

        The drops are the small voltages between a terminal and the node inside it: a difference of two volts would
        round them away, and with them a current that is small.
        """
        inside = dict(zip(self.nodes[3:], drops, strict=True))
        branches = {
            name: v[a[0]] - v[b[0]] + (inside.get(a, 0.0) - inside.get(b, 0.0))
            for name, (a, b) in self.branches.items()
        }
        flows, entries = self.module.run_init_eval(
            self.module.get_param_defaults() | {"mfactor": 1.0, **parameters, **branches}
        )
        slopes = np.zeros((len(self.nodes), len(self.nodes), 2))
        for row, column, *slope in entries:
            slopes[row, column] = slope
        return np.array(flows), slopes

    def solved(
        self, v_g: float, v_d: float, v_s: float, guess: float, **parameters: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The same for the terminals d, g and s, with the inner nodes where their currents vanish, and what rounds.

        The guess of the current only says where Newton's method starts.
        """
        assert self.nodes[:3] == ["d", "g", "s"]
        v, drops = {"d": v_d, "g": v_g, "s": v_s}, np.zeros(len(self.nodes) - 3)
        _, slopes = self.at(v, drops, **parameters)
        if drops.size:
            drops = guess / np.array([slopes[0, 3, 0], -slopes[2, 4, 0]])
        for _ in range(20):
            flows, slopes = self.at(v, drops, **parameters)
            step = np.linalg.solve(slopes[3:, 3:, 0], flows[3:, 0])
            drops = drops - step
            if (abs(step) <= 1e-12 * abs(drops)).all():
                break
        else:
            pytest.fail(f"no inner nodes at {v}, {parameters}: {drops}, {step}")
        inner = np.linalg.solve(slopes[3:, 3:, 0], slopes[3:, :3, 0])
        return flows[:3], slopes[:3, :3] - np.einsum("ijk,jl->ilk", slopes[:3, 3:], inner), abs(slopes[0, :, 0]).max()


def worst(module: Module, transistor: ThinFilmTransistor, **parameters: float) -> dict[str, float]:
    """Largest relative errors of current into the drain, its conductances in their sum, and charges.

    The model of a p-type card is that of its mirror image: voltages change sign on the way in, currents on the way out.
    """
    sign, seen = transistor.sign, transistor.sign * BIASES.T
    given = {"$temperature": float(transistor.temperature), "w": float(transistor.width), "l": float(transistor.length)}
    current, charges = transistor.current_and_charges(*seen)
    current = sign * current
    guesses = zip(BIASES.tolist(), current.tolist(), strict=True)
    found = [module.solved(*bias, guess, **given, **parameters) for bias, guess in guesses]
    flows, slopes, canceled = (np.stack(part) for part in zip(*found, strict=True))

    bias = seen.clone().requires_grad_()
    leak = transistor.gate_current(*bias)
    np.testing.assert_allclose(flows[:, 1, 0], sign * (leak.drain + leak.source).detach(), rtol=1e-9, atol=1e-40)
    by_bias = torch.stack(transistor.conductances(*seen))
    if leak.drain.requires_grad:
        by_bias = by_bias - torch.autograd.grad(leak.drain.sum(), bias)[0]
    size = (current.abs() + leak.drain.abs()).detach().numpy()
    expected = (current - sign * leak.drain).detach().numpy()
    on = size > 0.0
    assert abs(flows[~on, 0, 0]).max(initial=0.0) <= 1e-12 * size.max()
    g = by_bias.T[:, [1, 0, 2]].numpy()
    terminals = sign * torch.stack((charges.drain, charges.gate, charges.source), -1).numpy()
    return {
        "current": (abs(flows[:, 0, 0] - expected)[on] / size[on]).max(),
        "charge": abs(flows[:, :, 1] / terminals - 1).max(),
        "conductance": (abs(slopes[:, 0, :, 0] - g).max(1) / (abs(g).max(1) + 1e-7 * canceled)).max(),
    }


def lengths(device: Device) -> set[float]:
    shortest, longest = float(device.validity.shortest_length), float(device.validity.longest_length)
    return {shortest, min(1e-6, longest)}


def test_the_module_is_the_model(device: Device, tmp_path: Path) -> None:
    """The bar is 1e-5; what separates the two is rounding."""
    module = Module(veriloga.module(device), tmp_path)
    for t, length in itertools.product(TEMPERATURES, lengths(device)):
        errors = worst(module, device.transistor(tensor(WIDTH), tensor(length), tensor(t)))
        assert max(errors["current"], errors["charge"]) < 1e-9, (t, length, errors)
        assert errors["conductance"] < 1e-7, (t, length, errors)


@pytest.mark.parametrize("changes", [RICH, RICH | OHMIC, RICH | OHMIC | LEAKY], ids=["rich", "ohmic", "leaky"])
@pytest.mark.parametrize("card", ["liu2023_ito", "silicon_45nm", "silicon_45nm_p"])
def test_every_term_is_in_it(card: str, changes: Mapping[str, str | float], tmp_path: Path) -> None:
    """Conductances far below those of the contacts are lost to rounding; the current is not."""
    device = library.load(card, changes)
    module = Module(veriloga.module(device), tmp_path)
    assert len(module.nodes) == 3 + 2 * ("contacts.charge_scale" in changes)
    for t in TEMPERATURES[::3]:
        errors = worst(module, device.transistor(tensor(WIDTH), device.validity.shortest_length, tensor(t)))
        assert max(errors["current"], errors["charge"]) < 1e-9, (t, errors)
        assert errors["conductance"] < 1e-7, (t, errors)


def test_what_time_has_done_is_a_parameter(tmp_path: Path) -> None:
    device = library.load("liu2023_ito", OHMIC)
    aged = {
        "threshold_shift": 0.12, "donor_density": 3e23, "interface_traps": 4e34, "tail_density": 2e43,
        "tail_temperature": 40.0, "mobility_factor": 0.9, "contact_factor": 1.7,
    }  # fmt: skip
    state = DeviceState(**{name: tensor(value) for name, value in aged.items()})
    transistor = device.transistor(tensor(WIDTH), tensor(60e-9), tensor(330.0), state)
    module = Module(veriloga.module(device), tmp_path)
    errors = worst(module, transistor, **{f"state_{name}": value for name, value in aged.items()})
    assert max(errors["current"], errors["charge"]) < 1e-9, errors


def test_its_parameters_are_those_of_the_card(device: Device, tmp_path: Path) -> None:
    """What a card can say can be said to the module, with the same effect; infinities are out of reach, not odd."""
    module = Module(veriloga.module(device), tmp_path)
    defaults = module.module.get_param_defaults()
    for name, value in device.card.values("tekv").items():
        assert defaults[name] == (veriloga.NONE if math.isinf(value) else value)
    changes = {"tekv.mobility": 1e-3, "tekv.donor_density": 2e23, "tekv.saturation_velocity": 1e5}
    changed = library.load(device.card.key, changes)
    transistor = changed.transistor(tensor(WIDTH), device.validity.shortest_length, tensor(300.0))
    errors = worst(module, transistor, **{name.removeprefix("tekv."): value for name, value in changes.items()})
    assert max(errors["current"], errors["charge"]) < 1e-9, errors


def test_capacitances_are_the_derivatives_of_the_charges(device: Device, tmp_path: Path) -> None:
    """OpenVAF differentiates the text, torch the kernel; and no charge is made or lost."""
    module = Module(veriloga.module(device), tmp_path)
    transistor = device.transistor(tensor(WIDTH), device.validity.shortest_length, tensor(300.0))
    given = {"$temperature": 300.0, "w": WIDTH, "l": float(transistor.length)}
    for bias in BIASES[::7]:
        seen = device.sign * bias
        of_bias = torch.autograd.functional.jacobian(lambda v: torch.stack(transistor.charges(*v)), seen)
        _, slopes, _ = module.solved(*bias.tolist(), device.sign * float(transistor.current(*seen)), **given)
        order = [1, 0, 2]  # d, g, s
        scale = float(of_bias.abs().max())
        assert abs(slopes[:, :, 1] - of_bias.numpy()[np.ix_(order, order)]).max() < 1e-7 * scale
        assert abs(slopes[:, :, 1].sum(0)).max() < 1e-12 * scale


def test_its_noise_is_that_of_the_model(device: Device, tmp_path: Path) -> None:
    """OpenVAF's interpreter evaluates no noise, so the traced densities are evaluated here, forward and backward."""
    device = library.load(device.card.key, LEAKY)
    sources = Module(veriloga.module(device), tmp_path).module.get_osdi_descriptor()["noise_sources"]
    assert {source["name"] for source in sources} >= {"thermal", "flicker"}
    size = (tensor(WIDTH), device.validity.shortest_length, tensor(300.0))
    channel = ThinFilmTransistor(Tekv(device.tekv, *size), None, None, device.noise_parameters)
    trace = Trace()
    m = model(
        trace,
        Parts(device.tekv, None, None, device.noise_parameters),
        *size,
        DeviceState(),
        Biases("v_gs", "v_ds", "v_gs", "v_ds"),
    )
    for v_gs, v_ds in itertools.product((-0.3, 0.4, 1.5), (-1.2, 0.0, 0.05, 1.2)):
        new = {trace.symbol("v_gs"): trace.number(v_gs), trace.symbol("v_ds"): trace.number(v_ds)}
        for node in in_order(m.noise):
            if node.op == "log_charge":
                substitute(node.operands, new)
                v, a, s = (tensor(new[x].value) for x in node.operands)
                new[node] = trace.number(float(log_charge(v, a, s)))
        substitute(m.noise, new)
        white, flicker = (new[x].value for x in m.noise)
        at = [channel.noise(tensor(f), tensor(v_gs), tensor(v_ds), tensor(0.0)).item() for f in (1.0, 1e30)]
        np.testing.assert_allclose([white + flicker, white], at, rtol=1e-9)


def test_the_text_says_where_it_comes_from(device: Device) -> None:
    text = veriloga.module(device)
    assert device.card.title in text
    assert device.card.digest[:12] in text
    flat = " ".join(line.removeprefix("// ") for line in text.splitlines())
    assert all(key in flat for key in device.card.sources)
    assert max(map(len, text.splitlines())) <= 140

r"""From a process to the transistor that leaves the fab: hydrogen through the stack, then what it changes.

The thermal budget is run through the stack layer by layer (:mod:`.hydrogen_diffusion`); where the contacts hold
hydrogen it enters from the ends of the channel as well, so that short channels take up more; what is in the channel at
the end becomes donors, passivates, and so on (:mod:`.hydrogen_sites`). Every number that is a range is drawn, and the
result is an interval with the rank correlation of each range.

    C = C_v + sum_k (e_k - e_{k-1}) f(L, sum of D_eff t from step k on),   e_k = C_contact - C_v(t_k)

The vertical mean C_v is taken as even along the channel; the traps see the sum of both. Sideways they slow the front by
the ratio they hold at the concentration of the contact, which is exact for dilute hydrogen.

References:
    cho2025_arxiv (bound on the diffusivity), sizeeffect2020_ted (short channels shift more),
    shi2024_acsnano (contacts).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from beolith.errors import ExtrapolationWarning

from ..base import DeviceState
from ..library import Device
from ..tekv import ROOM, coefficients
from . import hydrogen_media as media
from . import hydrogen_sites as sites
from .hydrogen_diffusion import Content, Film, advance, ingress
from .hydrogen_media import Medium
from .priors import Draw, Prior, Values, draw, of_card
from .recipe import Recipe

CELLS = 16


class Stack(NamedTuple):
    """The layers of a recipe with numbers in it.

    Attributes:
        layers: Medium and thickness of each layer, from the ambient down [m].
        storing: Places of the layers that store hydrogen, in the same order.
    """

    layers: tuple[tuple[Medium, Tensor], ...]
    storing: tuple[int, ...]

    def cells(self, layer: int) -> slice:
        """Cells of a layer that stores hydrogen."""
        start = CELLS * self.storing.index(layer)
        return slice(start, start + CELLS)


class Uptake(NamedTuple):
    """Hydrogen at the end of a process.

    Attributes:
        free: Mean free concentration in the channel [m^-3].
        trapped: Trapped concentration in the channel next to the gate dielectric [m^-3].
        contact: Free concentration in the channel at the contacts [m^-3].
        content: Free and trapped hydrogen in each cell of the stack [m^-3].
    """

    free: Tensor
    trapped: Tensor
    contact: Tensor
    content: Content


class Outcome(NamedTuple):
    """A transistor after its process.

    Attributes:
        state: What the process has done to it.
        uptake: The hydrogen that did it.
        threshold_shift: Of the long transistor at 300 K [V].
    """

    state: DeviceState
    uptake: Uptake
    threshold_shift: Tensor


def priors(recipe: Recipe) -> dict[str, Prior]:
    """Everything in a process that is known as a range only: ``igzo:transport.activation`` or ``steps[0].duration``."""
    found = {name: quantity.prior for name, quantity in recipe.quantities().items() if quantity.prior}
    for layer in recipe.stack:
        card = media.card(layer.medium)
        found |= {f"{card.key}:{name}": prior for name, prior in of_card(card).items()}
    return found


def sample(recipe: Recipe, count: int, seed: int = 0) -> Draw:
    """A sample of the priors of a process that obeys the bounds of its media."""

    def keep(values: Values) -> Tensor:
        good = [media.possible(medium) for medium, _ in _stack(recipe, values).layers]
        return torch.stack(torch.broadcast_tensors(*good)).all(0)

    return draw(priors(recipe), count, seed, keep)


def run(recipe: Recipe, device: Device, length: Tensor, values: Mapping[str, Tensor] | None = None) -> Outcome:
    """What a process makes of a transistor.

    Args:
        recipe: Stack and thermal budget.
        device: The transistor without hydrogen.
        length: Channel length, a number or one for each point [m].
        values: Numbers that replace those of the recipe and of its media, one for each point (:func:`sample`).

    Warns:
        ExtrapolationWarning: A barrier crystallises in some points.
    """
    uptake = diffuse(recipe, length, values or {})
    medium = _stack(recipe, values or {}).layers[recipe.channel][0]
    return changes(medium, device, uptake)


def diffuse(recipe: Recipe, length: Tensor, values: Mapping[str, Tensor]) -> Uptake:
    """Hydrogen in the stack after its thermal budget; arguments as for :func:`run`."""
    given = {
        name: values.get(name, torch.tensor(q.value, dtype=torch.float64)) for name, q in recipe.quantities().items()
    }
    stack = _stack(recipe, values)
    batch = torch.broadcast_shapes(length.shape, *(x.shape for x in (*given.values(), *values.values())))
    content = _start(recipe, stack, given, batch)
    channel = stack.cells(recipe.channel)
    transport = stack.layers[recipe.channel][0].transport
    hottest = torch.zeros(batch, dtype=torch.float64)
    excess, diffusion = [], []
    for i in range(len(recipe.steps)):
        duration, temperature = (given[f"steps[{i}].{name}"].expand(batch) for name in ("duration", "temperature"))
        hottest = torch.maximum(hottest, temperature)
        ambient = given.get(f"steps[{i}].ambient")
        content = advance(film(stack, temperature, hottest), content, duration, ambient)
        if "contacts" in given:
            slowed = media.effective_diffusivity(transport, temperature, given["contacts"])
            excess.append(given["contacts"] - content.free[channel].mean(0))
            diffusion.append((slowed * duration).expand(batch))
    _warn(stack, hottest)
    vertical = content.free[channel].mean(0)
    trapped = content.trapped[channel][-1 if recipe.gate_below else 0]
    if not excess:
        return Uptake(vertical, trapped, vertical, content)
    free = vertical + ingress(length.expand(batch), excess, diffusion)
    held = [media.trapped_in_equilibrium(transport, c, temperature) for c in (free, vertical)]
    return Uptake(free, trapped + held[0] - held[1], given["contacts"].expand(batch), content)


def changes(medium: Medium, device: Device, uptake: Uptake) -> Outcome:
    """What hydrogen in the channel does to a transistor.

    The donors at the contacts act through the contact resistance of the card if it knows a scale for them, else through
    that of the medium; the part that :mod:`.contacts` will derive from the mean donors is taken out here.
    """
    room = torch.tensor(ROOM, dtype=torch.float64)
    p, s = device.tekv, medium.sites
    donors, at_contact = (
        sites.settled_donors(c, p.donor_density, s.transition_level, p.conduction_band_density, room)
        for c in (uptake.free, uptake.contact)
    )
    traps = sites.passivated(p.interface_traps, uptake.trapped, s.passivated_traps, s.passivation_scale)
    known = device.contacts.hydrogen_scale
    scale = torch.where(torch.isfinite(known), known, s.contact_scale)
    state = DeviceState(
        donor_density=donors,
        interface_traps=traps - p.interface_traps,
        mobility_factor=sites.mobility_factor(donors, s.mobility_gain, s.mobility_scale),
        contact_factor=sites.contact_factor(at_contact, scale) * torch.exp(donors / known),
    )
    one = torch.ones((), dtype=torch.float64)
    after, before = (coefficients(p, one, one, room, each).v_t for each in (state, DeviceState()))
    return Outcome(state, uptake, after - before)


def film(stack: Stack, temperature: Tensor, hottest: Tensor) -> Film:
    """The cells of a stack at a temperature.

    Args:
        stack: Layers.
        temperature: [K].
        hottest: Highest temperature so far, which decides what has crystallised [K].
    """
    columns: list[tuple[Tensor, ...]] = []
    waiting = torch.zeros_like(temperature)
    for medium, thickness in stack.layers:
        if medium.is_barrier:
            waiting = waiting + media.resistance(medium.barrier, thickness, temperature, hottest)
            continue
        t = medium.transport
        capture = media.capture_rate(t, temperature)
        width = thickness / CELLS
        half = 0.5 * width * t.anisotropy / (media.diffusivity(t, temperature) * t.solubility)
        rest = (t.solubility, capture, capture * media.half_filling(t, temperature), t.trap_density)
        for _ in range(CELLS):
            columns.append(torch.broadcast_tensors(temperature, width, waiting + half, *rest)[1:])
            waiting = half
    width, resistance, solubility, capture, escape, traps = (torch.stack(rows) for rows in zip(*columns, strict=True))
    return Film(width, solubility, resistance, capture, escape, traps)


def _stack(recipe: Recipe, values: Mapping[str, Tensor]) -> Stack:
    """The layers of a recipe; media of the same name share their numbers."""
    layers = []
    for i, layer in enumerate(recipe.stack):
        prefix = f"{media.card(layer.medium).key}:"
        own = {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}
        thickness = values.get(f"stack[{i}].thickness", torch.tensor(layer.thickness.value, dtype=torch.float64))
        layers.append((media.medium(layer.medium, own), thickness))
    return Stack(tuple(layers), tuple(i for i, (medium, _) in enumerate(layers) if not medium.is_barrier))


def _start(recipe: Recipe, stack: Stack, given: Mapping[str, Tensor], batch: torch.Size) -> Content:
    """Hydrogen before the first step: free as the recipe says, and the traps in balance with it at its temperature."""
    temperature = given["steps[0].temperature"]
    free = [given[f"stack[{i}].hydrogen"] for i in stack.storing]
    trapped = [
        media.trapped_in_equilibrium(stack.layers[i][0].transport, c, temperature)
        for i, c in zip(stack.storing, free, strict=True)
    ]

    def spread(rows: list[Tensor]) -> Tensor:
        return torch.stack([x.expand(batch) for x in rows for _ in range(CELLS)])

    return Content(spread(free), spread(trapped), torch.zeros(batch, dtype=torch.float64))


def _warn(stack: Stack, hottest: Tensor) -> None:
    for medium in {medium.name: medium for medium, _ in stack.layers if medium.is_barrier}.values():
        share = float((hottest > medium.barrier.crystallisation).double().mean())
        if share > 0:
            warnings.warn(
                f"{medium.name} crystallises in {100 * share:.3g} % of the sample and holds hydrogen back no more",
                ExtrapolationWarning,
                stacklevel=4,
            )

r"""Noise of the drain current: thermal, flicker by trapping at the border of the film, Hooge's, and telegraph signals.

    S_I  = [S_ch + 4kT (R_S g_S^2 + R_D g_D^2)] / (1 + R_S g_S + R_D g_D)^2          contacts R_x; g_x = |dI/dV_x|
    S_ch = 4kT (mu(q_b) Q_f/L^2 + g_off) + (q^2 kT N_bt lambda_t/(W L C^2 f)) (g_m + alpha mu C I)^2
           + alpha_H q I^2/(2 n C phi q_b W L f)

Q_f is the free charge of the channel: what is trapped does not move, and only so does thermal noise at V_DS = 0 equal
4kT dI/dV_D, as Nyquist's theorem demands, at every temperature. g_off is the off current's slope at V_DS = 0 with the
lowering of its barrier by V_DS, so that its noise goes from 4kT g to the shot noise 2 q I when q phi = kT. The charge
of a channel in weak inversion follows V_x over n phi, and its noise in saturation is kT/(q n phi) of shot noise:
Nyquist is kept where the model's Einstein relation (traps that follow the local level, a floor of phi when cold)
departs from kT/q, which understates the noise of a cold channel in weak inversion. Hot electrons, velocity saturation's
own noise and gate-current noise are left out; in saturation the channel is taken without length modulation.

A device of few traps makes telegraph signals instead of 1/f noise, :func:`telegraph`; their sum is the flicker term.

References:
    enz1995_ekv (thermal noise by the charge), hung1990_ted (number fluctuation with correlated mobility),
    theodorou2011_edl and izonoise2018 (that oxide films follow it, or Hooge, and with which numbers); the reduction
    by contacts is circuit theory.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from scipy import constants
from torch import Tensor

from beolith.card import parameter

from .contact_nodes import Contacted, ends, inner
from .tekv import Coefficients, Point, flow, solve
from .ward_dutton import rule

Q, K = constants.elementary_charge, constants.Boltzmann
_OFF = {"source": "own", "how": "assumed", "note": "Neutral value: the term is switched off unless the card sets it."}


@dataclass(frozen=True)
class NoiseParameters:
    """Low-frequency noise of one process (SI); thermal noise has no parameters."""

    # fmt: off
    border_traps: Tensor = parameter("1/(m**3*J)", "N_bt: traps in the dielectric near the film; the range ends at "
                                     "1e22 cm^-3 eV^-1", low=0, high=6.3e46, default=0.0, **_OFF)
    attenuation_length: Tensor = parameter("m", "lambda_t: depth over which the wave function falls by e", low=1e-11,
                                           high=1e-8, default=1e-10, source="own", how="assumed",
                                           note="Without effect while there are no traps.")
    scattering: Tensor = parameter("V*s/C", "alpha: correlated mobility fluctuation, scattering by a filled trap",
                                   low=0, high=1e8, default=0.0, **_OFF)
    hooge: Tensor = parameter("", "alpha_H: Hooge parameter", low=0, high=10, default=0.0, **_OFF)
    attempt_time: Tensor = parameter("s", "tau_0: time constant of a trap at the interface; a factor e per lambda_t",
                                     low=1e-15, high=1, default=1e-10, source="own", how="assumed",
                                     note="Places telegraph signals in depth; no spectrum depends on it.")
    # fmt: on

    @property
    def absent(self) -> bool:
        """Whether thermal noise is all there is."""
        return not bool((self.border_traps > 0).any() | (self.hooge > 0).any())


class Channel(NamedTuple):
    """What noise needs to know of a biased channel between its contacts (SI).

    Attributes:
        current: Current of the charge sheet, the larger end first so that it is not negative [A].
        transconductance: Its derivative by the gate voltage at fixed inner nodes [A/V].
        conductance: Derivatives of the whole current by the inner node of the higher and of the lower end, both
            positive, stacked [A/V].
        resistance: Contact resistances at these ends, stacked [ohm].
        mean: Mean normalised charge q_b [1].
        mobility: Mobility at q_b [m^2/(V s)].
        free: Mean free charge of the channel over n C phi W L [1].
        off: Off current's slope [A/V].
    """

    current: Tensor
    transconductance: Tensor
    conductance: Tensor
    resistance: Tensor
    mean: Tensor
    mobility: Tensor
    free: Tensor
    off: Tensor


def channel(k: Coefficients | Contacted, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Channel:
    """The channel at a bias, as noise sees it.

    Args:
        k: Coefficients of a channel, with its contacts or without.
        v_g: Gate voltage, any shape [V].
        v_d: Drain voltage, broadcastable [V].
        v_s: Source voltage, broadcastable [V].
    """
    if isinstance(k, Contacted):
        c, e = k.channel, ends(k, v_g, v_d, v_s)
        point, resistance = inner(k, e).point, e.resistance * c.n_phi
    else:
        c, forward = k, v_d >= v_s
        point = solve(c, v_g, torch.where(forward, v_d, v_s), torch.where(forward, v_s, v_d))
        resistance = torch.zeros_like(point.q)
    w = 2.0 * point.q + 1.0 + c.s * point.trapped
    whole, sheet = flow(c, point, w), flow(c._replace(leakage=torch.zeros_like(c.leakage)), point, w)
    by_gate = sheet.by_log_charge / w / c.n_phi
    lowering = c.dibl * point.v_ds / point.smooth
    drain = whole.by_voltage - by_gate[1] + lowering * (by_gate[0] + by_gate[1])
    beyond = point.smooth - 2.0 * c.phi
    mean = 0.5 * (point.q[0] + point.q[1])
    return Channel(
        current=sheet.current,
        transconductance=by_gate[0] + by_gate[1],
        conductance=torch.stack((by_gate[0] + by_gate[1] + drain, drain)),
        resistance=resistance,
        mean=mean,
        mobility=c.mobility(mean),
        free=_free_charge(c, point),
        off=c.leakage * torch.exp(c.leakage_field * beyond) / (2.0 * c.phi),
    )


def _free_charge(c: Coefficients, point: Point) -> Tensor:
    """Mean free charge along the channel, int 2 q w dq / int w dq over n C phi [1]; see :mod:`.ward_dutton`."""
    nodes, weights, _ = rule(point.q.device, point.q.dtype)
    root = torch.sqrt(point.q).unsqueeze(-1)
    r = root[1] + (root[0] - root[1]) * nodes
    q = r * r
    s = c.s.unsqueeze(-1)
    density = r * (2.0 * q + 1.0 + s * c.a.unsqueeze(-1) * torch.exp(s * torch.log(q))) * weights
    return (density * 2.0 * q).sum(-1) / density.sum(-1)


class Spectrum(NamedTuple):
    """Parts of the spectral density of the drain current; they add up [A^2/Hz]."""

    thermal: Tensor
    flicker: Tensor
    hooge: Tensor


def spectrum(
    p: NoiseParameters | None,
    k: Coefficients | Contacted,
    width: Tensor,
    length: Tensor,
    temperature: Tensor,
    frequency: Tensor,
    v_g: Tensor,
    v_d: Tensor,
    v_s: Tensor,
) -> Spectrum:
    """Spectral density of the drain current, part by part [A^2/Hz].

    Args:
        p: Low-frequency noise; None leaves thermal noise.
        k: Coefficients of the channel, with its contacts or without.
        width: Channel width W [m].
        length: Channel length L [m].
        temperature: Lattice temperature [K].
        frequency: Frequency f, broadcastable, > 0 [Hz].
        v_g: Gate voltage, broadcastable [V].
        v_d: Drain voltage, broadcastable [V].
        v_s: Source voltage, broadcastable [V].
    """
    at, area = channel(k, v_g, v_d, v_s), width * length
    sheet = (k.channel if isinstance(k, Contacted) else k).charge / area  # n C phi
    bath = 4.0 * K * temperature
    contacts = (at.resistance * at.conductance**2).sum(0)
    divided = (1.0 + (at.resistance * at.conductance).sum(0)) ** -2
    thermal = bath * (at.mobility * at.free * sheet * width / length + at.off + contacts) * divided
    thermal = thermal + torch.zeros_like(frequency)
    if p is None:
        return Spectrum(thermal, torch.zeros_like(thermal), torch.zeros_like(thermal))
    traps = p.border_traps * p.attenuation_length * K * temperature * area
    flicker = traps * _step(p, at, k, area) ** 2 / frequency * divided
    hooge = p.hooge * Q * at.current**2 / (2.0 * sheet * at.mean * area * frequency) * divided
    return Spectrum(thermal, flicker, hooge)


def _step(p: NoiseParameters, at: Channel, k: Coefficients | Contacted, area: Tensor) -> Tensor:
    """Change of the channel's current by one trapped electron, (q/(C W L)) (g_m + alpha mu C I) [A]."""
    c = _capacitance(k, area)
    return Q / (c * area) * (at.transconductance + p.scattering * at.mobility * c * at.current)


def _capacitance(k: Coefficients | Contacted, area: Tensor) -> Tensor:
    """Gate capacitance C per area, n C phi over n phi [F/m^2]."""
    c = k.channel if isinstance(k, Contacted) else k
    return c.charge / (c.n_phi * area)


class Telegraph(NamedTuple):
    """Random telegraph signals of a device of few traps.

    Attributes:
        amplitude: Step of the drain current by one electron [A].
        relative: The same over the current [1].
        per_decade: Mean number of active traps per decade of time constant [1].
    """

    amplitude: Tensor
    relative: Tensor
    per_decade: Tensor


def telegraph(
    p: NoiseParameters,
    k: Coefficients | Contacted,
    width: Tensor,
    length: Tensor,
    temperature: Tensor,
    v_g: Tensor,
    v_d: Tensor,
    v_s: Tensor,
) -> Telegraph:
    """Telegraph signals of a transistor; a device whose few decades hold less than some ten traps shows them singly.

    Arguments as for :func:`spectrum`.
    """
    at, area = channel(k, v_g, v_d, v_s), width * length
    step = _step(p, at, k, area)
    divided = step / (1.0 + (at.resistance * at.conductance).sum(0))
    active = math.log(10.0) * p.border_traps * p.attenuation_length * K * temperature * area
    return Telegraph(divided, step / at.current, active)


def time_constant(p: NoiseParameters, depth: Tensor) -> Tensor:
    """Time constant of a trap at a depth [m] in the dielectric, tau_0 e^(x/lambda_t) [s]."""
    return p.attempt_time * torch.exp(depth / p.attenuation_length)


def telegraph_spectrum(frequency: Tensor, amplitude: Tensor, time: Tensor, occupancy: Tensor) -> Tensor:
    """Spectral density of one telegraph signal, 4 A^2 f (1 - f) tau/(1 + (2 pi nu tau)^2) [A^2/Hz].

    Args:
        frequency: Frequency nu, any shape [Hz].
        amplitude: Step A of the current, broadcastable [A].
        time: Time constant tau, 1/tau = 1/tau_c + 1/tau_e [s].
        occupancy: Mean occupancy f of the trap [1].
    """
    return 4.0 * amplitude**2 * occupancy * (1.0 - occupancy) * time / (1.0 + (2.0 * torch.pi * frequency * time) ** 2)

r"""T-EKV: a charge-based compact model of an oxide thin-film transistor, from 4 K to 450 K.

An EKV-type charge core carries an exponential tail of traps and refers the traps to the *local* quasi-Fermi level, so
that a body-less device is exactly invariant to a common shift of its three terminals. With x in {S, D}:

    phi   = [(kT/q)^m + (W_m/q)^m]^(1/m)                      effective thermal voltage
    n     = [1 + q^2 D_it/(C_f + C_b)](1 + eta_n e^(-L/2 lambda))     C, C_f, C_b and lambda in :mod:`.geometry`
    v_x   = (V_G - V_T - V_x)/(n phi) = 2 q_x + ln q_x + a q_x^s
    s     = phi/(k T_t/q),  a = (q N_t k T_t t/(n C phi)) (2 n C phi/Q_c)^s,  Q_c = q N_c t (phi/phi_300)^1.5
    G(q)  = q^2 + q + a s/(s+1) q^(s+1)                       dG/dv = q
    I_D   = 2 n^2 C phi^2 (W/L) mu(q_b) [G(q_S) - G(q_D)] F_vs F_clm + I_off
    I_off = W J_0(T) tanh(V_DS/2 phi) exp[gamma_D sabs(V_DS)]
    F_vs  = [1 + u^2]^(-1/2),  u = lambda_v [G(q_S) - G(q_D)]/m,  lambda_v = n mu phi/(v_sat L)
    m     = 1 + (q_S^9 + q_D^9)/(q_S^8 + q_D^8)               1 + a smooth max(q_S, q_D): I_sat = 2 n C phi W v_sat m
    F_clm = 1 + (l_clm/L) sabs(V_DS),  sabs(x) = sqrt(x^2 + 4 phi^2) - 2 phi,  q_b = (q_S + q_D)/2
    V_T   = V_T0 + n [phi ln(2 n C phi/Q_c) - same at 300 K] + (dV_FB/dT)(T - 300 K)
            - (q t/C) N_D [1 + t C/(2 eps_s)] + beta (V_TB - V_TF) + (E_q/q)(t/1 nm)^-p_q
            + dV_BTI - [eta_0 + eta_D sabs(V_DS)] e^(-L/2 lambda)

Every factor is odd or even in V_DS, so the current is exactly antisymmetric in source and drain and smooth through
zero. Charges are in :mod:`.ward_dutton`, the mobility law in :mod:`.mobility`, shapes and back gates in
:mod:`.geometry`. Both gates move together here; :mod:`.dual_gate` drives them apart.

References:
    enz1995_ekv (core), leenathan2011 (tail), vansetten2025_cryo (phi), wang2025_ted (donor term), frank1998_edl
    (lambda), pandey2025_ted (short-channel numbers); local n, sabs and F_vs: own, see docs/design.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import torch
from scipy import constants
from torch import Tensor

from .base import ByTerminal, Capacitances, Charges, Conductances, DeviceState, Linearised
from .geometry import (
    back_capacitance,
    back_share,
    confinement_shift,
    front_capacitance,
    gate_capacitance,
    natural_length,
)
from .mobility import MobilityLaw, mobility_law
from .parallel import extent, in_chunks, present
from .parameters import TekvParameters
from .uccm import log_charge
from .ward_dutton import partition_slopes, terminal_charges

Q = constants.elementary_charge
K = constants.Boltzmann
EPS0 = constants.epsilon_0
ROOM = 300.0
"""Reference temperature of the threshold voltage [K]."""


class Coefficients(NamedTuple):
    """Everything that does not depend on bias; the kernels read nothing else (SI, broadcastable)."""

    phi: Tensor
    n_phi: Tensor
    v_t: Tensor
    dibl: Tensor
    a: Tensor
    s: Tensor
    gain: Tensor
    mobility: MobilityLaw
    velocity: Tensor
    clm: Tensor
    leakage: Tensor
    leakage_field: Tensor
    charge: Tensor
    overlap: Tensor


def thermal_voltage(temperature: Tensor, tail_width: Tensor, exponent: Tensor) -> Tensor:
    """Effective thermal voltage with a band-tail floor, phi = [(kT/q)^m + (W_m/q)^m]^(1/m).

    Args:
        temperature: Lattice temperature, any shape [K].
        tail_width: Band-tail decay energy W_m, broadcastable [J].
        exponent: Sharpness m of the crossover [1].

    Returns:
        phi, the broadcast shape [V].

    References:
        vansetten2025_cryo: SS of 61 mV/dec at 300 K and about 40 mV/dec from 200 K to 100 K.
    """
    kt = K * temperature
    return kt / Q * (1.0 + (tail_width / kt) ** exponent) ** (1.0 / exponent)


def donor_shift(p: TekvParameters, donor_density: Tensor) -> Tensor:
    """Threshold shift by ionised donors in the film, -(q t/C) N_D [1 + t C/(2 eps_s)], never positive [V].

    References:
        wang2025_ted.
    """
    c = gate_capacitance(p)
    t = p.channel_thickness
    return -(Q * t / c) * donor_density * (1.0 + t * c / (2.0 * EPS0 * p.channel_permittivity))


def coefficients(
    p: TekvParameters, width: Tensor, length: Tensor, temperature: Tensor, state: DeviceState
) -> Coefficients:
    """Bias-independent coefficients of the kernels.

    Args:
        p: Material and process parameters.
        width: Channel width W [m].
        length: Channel length L [m].
        temperature: Lattice temperature [K].
        state: What the past has done to the device.
    """
    c = gate_capacitance(p)
    t = p.channel_thickness
    short = torch.exp(-0.5 * length / natural_length(p))
    # traps sit at the dielectric, before the quantum and centroid capacitances of the free charge
    n = 1.0 + Q**2 * (p.interface_traps + state.interface_traps) / (front_capacitance(p) + back_capacitance(p))
    n = n * (1.0 + p.slope_rolloff * short)

    phi = thermal_voltage(temperature, p.band_tail_width, p.floor_exponent)
    phi_room = thermal_voltage(torch.full_like(temperature, ROOM), p.band_tail_width, p.floor_exponent)
    band_room = Q * p.conduction_band_density * t
    band = band_room * (phi / phi_room) ** 1.5
    tail_energy = K * (p.tail_temperature + state.tail_temperature)
    s = phi * Q / tail_energy
    tail = Q * (p.tail_density + state.tail_density) * tail_energy * t
    a = tail / (n * c * phi) * (2.0 * n * c * phi / band) ** s

    level = n * (phi * torch.log(2.0 * n * c * phi / band) - phi_room * torch.log(2.0 * n * c * phi_room / band_room))
    v_t = (
        p.threshold_voltage
        + level
        + p.flat_band_slope * (temperature - ROOM)
        + donor_shift(p, p.donor_density + state.donor_density)
        + back_share(p) * p.back_threshold
        + confinement_shift(p)
        + state.threshold_shift
        - p.threshold_rolloff * short
    )
    arrhenius = torch.exp(-p.leakage_activation / K * (1.0 / temperature - 1.0 / p.leakage_temperature))
    law = mobility_law(p, temperature)
    law = law._replace(scale=law.scale * state.mobility_factor)
    return Coefficients(
        phi=phi,
        n_phi=n * phi,
        v_t=v_t,
        dibl=p.drain_lowering * short,
        a=a,
        s=s,
        gain=2.0 * n * n * c * phi * phi * width / length,
        mobility=law,
        velocity=n * phi / p.saturation_velocity / length,  # in this order, for v_sat may be infinite
        clm=p.length_modulation / length,
        leakage=width * p.leakage_density * arrhenius,
        leakage_field=p.leakage_field,
        charge=n * c * phi * width * length,
        overlap=(p.overlap_capacitance + p.fringe_capacitance) * width,
    )


class Point(NamedTuple):
    """Charges at the two ends of the channel and what the current needs of them."""

    q: Tensor
    trapped: Tensor
    v_ds: Tensor
    smooth: Tensor


def solve(k: Coefficients, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Point:
    """Charges q and a q^s, stacked (source, drain) along a new first axis; smooth |V_DS| and its root."""
    v_ds = v_d - v_s
    smooth = torch.sqrt(v_ds * v_ds + 4.0 * k.phi * k.phi)
    drive = v_g - k.v_t + k.dibl * (smooth - 2.0 * k.phi)
    v = torch.stack(torch.broadcast_tensors((drive - v_s) / k.n_phi, (drive - v_d) / k.n_phi))
    x = log_charge(v, k.a, k.s)
    return Point(torch.exp(x), k.a * torch.exp(k.s * x), v_ds, smooth)


def drain_current(k: Coefficients, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Tensor:
    """Current into the drain, I_D of the module docstring [A]."""
    return current_at(k, solve(k, v_g, v_d, v_s))


def current_at(k: Coefficients, point: Point) -> Tensor:
    """Drain current of a channel whose charges are known [A]."""
    q, trapped, v_ds, smooth = point
    g = q * (q + 1.0 + trapped * (k.s / (k.s + 1.0)))
    dg = g[0] - g[1]
    mu = k.mobility(0.5 * (q[0] + q[1]))
    u = k.velocity * mu * dg / _saturation_charge(q)[0]
    core = k.gain * mu * dg * torch.rsqrt(1.0 + u * u)
    beyond = smooth - 2.0 * k.phi
    off = k.leakage * torch.exp(k.leakage_field * beyond) * torch.tanh(v_ds / (2.0 * k.phi))
    return core * (1.0 + k.clm * beyond) + off


def _saturation_charge(q: Tensor) -> tuple[Tensor, Tensor]:
    """1 + a smooth maximum of q_S and q_D, and their shares q_x^8/(q_S^8 + q_D^8) in it, stacked like q [1]."""
    power = q / (q[0] + q[1])  # normalised first, for the eighth power of a small charge is no number
    for _ in range(3):
        power = power * power
    share = power / (power[0] + power[1])
    return 1.0 + (share[0] * q[0] + share[1] * q[1]), share


def current_and_charges(k: Coefficients, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> tuple[Tensor, Charges]:
    """Drain current [A] and terminal charges: channel by Ward-Dutton partition, plus overlaps [C]."""
    point = solve(k, v_g, v_d, v_s)
    drain, source = terminal_charges(point.q[1], point.q[0], k.a, k.s)
    drain = k.overlap * (v_d - v_g) - k.charge * drain
    source = k.overlap * (v_s - v_g) - k.charge * source
    return current_at(k, point), Charges(-(drain + source), drain, source)


class Flow(NamedTuple):
    """The current and what it depends on: charges at the ends (stacked source, drain) and drain voltage."""

    current: Tensor
    by_log_charge: Tensor
    by_voltage: Tensor


def flow(k: Coefficients, point: Point, w: Tensor) -> Flow:
    """Drain current [A], its derivatives by ln q_x at constant V_DS [A] and by V_DS at constant charges [A/V].

    Args:
        k: Coefficients.
        point: Charges and drain voltage.
        w: Slope dv/d(ln q) = 2 q + 1 + a s q^s at both ends [1].
    """
    q, trapped, v_ds, smooth = point
    g = q * torch.addcmul(q + 1.0, trapped, k.s / (k.s + 1.0))
    dg = g[0] - g[1]
    mean = 0.5 * (q[0] + q[1])
    mu = k.mobility(mean)
    beyond = smooth - 2.0 * k.phi
    leak = torch.tanh(v_ds / (2.0 * k.phi))
    leakage = k.leakage * torch.exp(k.leakage_field * beyond) if present(k.leakage_field) else k.leakage
    gain = k.gain * mu

    # dI/dq_x = gain f^2 [+-w_x + dG (u^2 dm/dq_x/m + d(ln mu)/dq_b/2)], with f = 1 where the velocity does not saturate
    pull = 0.5 * dg * k.mobility.log_slope(mean) if k.mobility.moves else torch.zeros_like(dg)
    if present(k.velocity):
        m, share = _saturation_charge(q)
        u = k.velocity * mu * dg / m
        u2 = u * u
        f2 = 1.0 / (1.0 + u2)
        gain = gain * torch.sqrt(f2)
        m_slope = 9.0 * share - 8.0 * (m - 1.0) * (share / q)
        pull = f2 * torch.addcmul(pull, dg * m_slope, u2 / m)
        w = f2 * w
    core = gain * dg
    ends = torch.stack((w[0] + pull, pull - w[1])) if pull.ndim == dg.ndim else torch.stack((w[0], -w[1])) + pull
    slope = v_ds / smooth
    off = leakage * torch.addcmul((1.0 - leak * leak) / (2.0 * k.phi), leak, k.leakage_field * slope)
    if not present(k.clm):
        return Flow(torch.addcmul(core, leakage, leak), gain * q * ends, off)
    clm = 1.0 + k.clm * beyond
    return Flow(
        torch.addcmul(core * clm, leakage, leak),
        gain * clm * q * ends,
        torch.addcmul(off, core, k.clm * slope),
    )


def current_and_conductances(k: Coefficients, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> tuple[Tensor, Conductances]:
    """Drain current [A] and its exact derivatives by the three terminal voltages [A/V]."""
    point = solve(k, v_g, v_d, v_s)
    w = torch.addcmul(torch.add(point.q * 2.0, 1.0), point.trapped, k.s)
    current, by_log_charge, by_voltage = flow(k, point, w)
    ends = by_log_charge / w
    both = (ends[0] + ends[1]) / k.n_phi
    drain = by_voltage + both * (k.dibl * point.v_ds / point.smooth) - ends[1] / k.n_phi
    return current, Conductances(both, drain, -both - drain)


def linearised(k: Coefficients, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Linearised:
    """Drain current [A], terminal charges [C] and their derivatives by the terminal voltages, from one solve."""
    point = solve(k, v_g, v_d, v_s)
    w = torch.addcmul(torch.add(point.q * 2.0, 1.0), point.trapped, k.s)
    current, by_log_charge, by_voltage = flow(k, point, w)
    lowering = k.dibl * point.v_ds / point.smooth
    ends = by_log_charge / w
    by_gate = (ends[0] + ends[1]) / k.n_phi
    by_drain = by_voltage + by_gate * lowering - ends[1] / k.n_phi
    p = partition_slopes(point.q[1], point.q[0], k.a, k.s)
    per_volt = -k.charge / k.n_phi
    crossed = p.crossed * per_volt
    drain = crossed * point.q[0], p.drain_by_drain * per_volt * point.q[1]
    source = p.source_by_source * per_volt * point.q[0], crossed * point.q[1]
    charges = (k.overlap * (v_d - v_g) - k.charge * p.drain, k.overlap * (v_s - v_g) - k.charge * p.source)
    return Linearised(
        current,
        Conductances(by_gate, by_drain, -by_gate - by_drain),
        Charges(-(charges[0] + charges[1]), *charges),
        capacitances(k, drain, source, lowering),
    )


def capacitances(
    k: Coefficients, drain: tuple[Tensor, Tensor], source: tuple[Tensor, Tensor], lowering: Tensor | float
) -> Capacitances:
    """Derivatives of the terminal charges [F].

    Args:
        k: Coefficients.
        drain: Channel charge of the drain by n phi times the overdrives at source and drain [F].
        source: The same of the source [F].
        lowering: Derivative of drain-induced barrier lowering by V_DS [1].
    """
    zero = torch.zeros_like(k.overlap)

    def by_terminal(by_source: Tensor, by_drain: Tensor, at_drain: Tensor, at_source: Tensor) -> ByTerminal:
        both = by_source + by_drain
        lowered = both * lowering
        return ByTerminal(both - k.overlap, lowered - by_drain + at_drain, at_source - lowered - by_source)

    one = by_terminal(*drain, k.overlap, zero)
    two = by_terminal(*source, zero, k.overlap)
    return Capacitances(ByTerminal(*(-(x + y) for x, y in zip(one, two, strict=True))), one, two)


@dataclass(frozen=True)
class Tekv:
    """One T-EKV transistor, or a batch of them: parameters, geometry, temperature and state broadcast together.

    Attributes:
        parameters: Material and process.
        width: Channel width [m].
        length: Channel length [m].
        temperature: Lattice temperature [K].
        state: What time, heat and hydrogen have done.
    """

    parameters: TekvParameters
    width: Tensor
    length: Tensor
    temperature: Tensor
    state: DeviceState = field(default_factory=DeviceState)

    @cached_property
    def coefficients(self) -> Coefficients:
        """Bias-independent coefficients, computed once."""
        return coefficients(self.parameters, self.width, self.length, self.temperature, self.state)

    @cached_property
    def reach(self) -> Tensor:
        """Broadcast shape of the coefficients, see :func:`.parallel.extent`."""
        return extent(self.coefficients)

    def current(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Tensor:
        """Drain current, broadcast shape of the biases and parameters [A]."""
        return in_chunks(drain_current, self.coefficients, self.reach, v_g, v_d, v_s)

    def conductances(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Conductances:
        """Analytic derivatives of :meth:`current` [A/V]."""
        return self.current_and_conductances(v_g, v_d, v_s)[1]

    def current_and_conductances(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> tuple[Tensor, Conductances]:
        """Drain current [A] and its derivatives [A/V] at the price of one solve."""
        return in_chunks(current_and_conductances, self.coefficients, self.reach, v_g, v_d, v_s)

    def charges(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Charges:
        """Terminal charges: channel by Ward-Dutton partition, plus overlaps [C]."""
        return self.current_and_charges(v_g, v_d, v_s)[1]

    def current_and_charges(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> tuple[Tensor, Charges]:
        """Drain current [A] and terminal charges [C] at the price of one solve."""
        return in_chunks(current_and_charges, self.coefficients, self.reach, v_g, v_d, v_s)

    def linearised(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Linearised:
        """Current [A], charges [C] and their derivatives by the voltages [A/V], [F] at the price of one solve."""
        return in_chunks(linearised, self.coefficients, self.reach, v_g, v_d, v_s)

"""Elementary functions whose result is the same on every machine.

libm and numpy choose their exp, log and tanh by the features of the CPU, and their last bits differ; what decides in a
replay may not.  Everything here is made of + - * /, sqrt, comparisons and integer operations on the bits, each of which
IEEE 754 rounds in one way only.  Errors: exp_, log_, tanh_ and pow_ within 2 units in the last place (tanh_: 3),
norm_ppf about 1e-15 relative.

exp_, log_ and expm1_ follow Sun's fdlibm (e_exp.c, e_log.c, s_expm1.c): "Copyright (C) 1993 by Sun Microsystems, Inc.
All rights reserved. Developed at SunSoft, a Sun Microsystems, Inc. business. Permission to use, copy, modify, and
distribute this software is freely granted, provided that this notice is preserved."
"""

import math
from typing import Final

import numpy as np

from market.jit import njit

_LN2_HI: Final = 6.93147180369123816490e-01  # its last 32 bits are zero: k * _LN2_HI is exact for |k| < 2**20
_LN2_LO: Final = 1.90821492927058770002e-10
_INV_LN2: Final = 1.44269504088896338700
_SQRT2: Final = 1.4142135623730951
_TWO_THIRDS: Final = 0.6666666666666666
_TWO_THIRDS_LO: Final = 3.700743415417188e-17
_SPLIT: Final = 134217729.0  # 2**27 + 1
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2: Final = np.uint64(0x94D049BB133111EB)
# fmt: off
# Wichura's coefficients of the normal quantile, lowest power first
_CENTRE_N: Final = (
    3.3871328727963666080, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
    4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3,
)
_CENTRE_D: Final = (
    1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
    2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3,
)
_MIDDLE_N: Final = (
    1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550, 3.64784832476320460504,
    1.27045825245236838258, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4,
)
_MIDDLE_D: Final = (
    1.0, 2.05319162663775882187, 1.67638483018380384940, 6.89767334985100004550e-1,
    1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9,
)
_FAR_N: Final = (
    6.65790464350110377720, 5.46378491116411436990, 1.78482653991729133580, 2.96560571828504891230e-1,
    2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7,
)
_FAR_D: Final = (
    1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
    7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15,
)
# fmt: on


@njit
def _power_of_two(k: int) -> float:
    """Return 2**k for -1022 <= k <= 1023, by its bits."""
    return np.int64((k + 1023) << 52).view(np.float64)


@njit
def _scaled(x: float, k: int) -> float:
    """Return x * 2**k, rounded once; |x| about 1 and -1100 < k <= 1024."""
    if k > 1023:
        return x * 2.0 * _power_of_two(k - 1)
    if k < -1021:
        return x * _power_of_two(k + 1000) * _power_of_two(-1000)
    return x * _power_of_two(k)


@njit
def _nearest(x: float) -> int:
    return int(x + 0.5) if x >= 0.0 else -int(0.5 - x)


@njit
def _split_exponent(x: float) -> tuple[float, int]:
    """Return (m, k) with x = m * 2**k and sqrt(1/2) <= m < sqrt(2), exactly; x > 0 and finite."""
    k = 0
    if x < 2.2250738585072014e-308:  # subnormal
        x *= 18014398509481984.0  # 2**54
        k = -54
    bits = np.float64(x).view(np.int64)
    k += int(bits >> 52) - 1023
    m = np.int64((bits & 0x000FFFFFFFFFFFFF) | 0x3FF0000000000000).view(np.float64)
    if m >= _SQRT2:
        return m * 0.5, k + 1
    return m, k


@njit
def _exp_sum(x: float, rest: float) -> float:
    """Return exp(x + rest), where |rest| is below an ulp of x or so."""
    if x != x:
        return x
    if x > 709.8:
        return math.inf
    if x < -745.2:
        return 0.0
    k = _nearest(x * _INV_LN2)
    hi = x - k * _LN2_HI
    lo = k * _LN2_LO - rest
    r = hi - lo
    t = r * r
    c = t * (-1.65339022054652515390e-06 + t * 4.13813679705723846039e-08)
    c = t * (-2.77777777770155933842e-03 + t * (6.61375632143793436117e-05 + c))
    c = r - t * (1.66666666666666019037e-01 + c)
    return _scaled(1.0 - ((lo - (r * c) / (2.0 - c)) - hi), k)


@njit
def exp_(x: float) -> float:
    """Return e**x."""
    return _exp_sum(x, 0.0)


@njit
def expm1_(x: float) -> float:
    """Return e**x - 1, exact near 0 too."""
    if x != x or x == 0.0:
        return x
    if x > 709.8:
        return math.inf
    if x < -40.0:
        return -1.0
    k = 0 if abs(x) < 0.34657359027997264 else _nearest(x * _INV_LN2)
    hi = x - k * _LN2_HI
    lo = k * _LN2_LO
    r = hi - lo
    c = (hi - r) - lo
    half = 0.5 * r
    square = r * half
    r1 = square * (4.00821782732936239552e-06 + square * -2.01099218183624371326e-07)
    r1 = square * (1.58730158725481460165e-03 + square * (-7.93650757867487942473e-05 + r1))
    r1 = 1.0 + square * (-3.33333333333331316428e-02 + r1)
    t = 3.0 - r1 * half
    e = square * ((r1 - t) / (6.0 - r * t))
    if k == 0:
        return r - (r * e - square)
    e = (r * (e - c) - c) - square
    if k == -1:
        return 0.5 * (r - e) - 0.5
    if k == 1:
        return -2.0 * (e - (r + 0.5)) if r < -0.25 else 1.0 + 2.0 * (r - e)
    if k < 0 or k > 56:
        return _scaled(1.0 - (e - r), k) - 1.0
    if k < 20:
        return _scaled((1.0 - _power_of_two(-k)) - (e - r), k)
    return _scaled((r - (e + _power_of_two(-k))) + 1.0, k)


@njit
def log_(x: float) -> float:
    """Return the natural logarithm; -inf at 0, NaN below."""
    if not x > 0.0:
        return -math.inf if x == 0.0 else math.nan
    if x == math.inf:
        return x
    m, k = _split_exponent(x)
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    odd = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01))
    even = z * (
        6.666666666666735130e-01
        + w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01))
    )
    half = 0.5 * f * f
    return k * _LN2_HI - ((half - (s * (half + (odd + even)) + k * _LN2_LO)) - f)


@njit
def tanh_(x: float) -> float:
    """Return the hyperbolic tangent."""
    size = abs(x)
    if size >= 22.0:
        t = 1.0
    elif size >= 1.0:
        t = 1.0 - 2.0 / (expm1_(2.0 * size) + 2.0)
    elif size > 0.0:
        e = expm1_(-2.0 * size)
        t = -e / (e + 2.0)
    else:
        return x  # zero, with its sign, or NaN
    return t if x > 0.0 else -t


@njit
def _product(a: float, b: float) -> tuple[float, float]:
    """Return a * b as its nearest float and the exact rest (Dekker); |a|, |b| < 2**995."""
    t = _SPLIT * a
    a_hi = t - (t - a)
    a_lo = a - a_hi
    t = _SPLIT * b
    b_hi = t - (t - b)
    b_lo = b - b_hi
    p = a * b
    return p, ((a_hi * b_hi - p) + a_hi * b_lo + a_lo * b_hi) + a_lo * b_lo


@njit
def _log_parts(x: float) -> tuple[float, float]:
    """Return log(x) as a float and a rest, about 2**-64 relative; x > 0 and finite.

    log m = 2 (s + s**3/3 + s**5/5 + ...), s = (m - 1) / (m + 1): the first two terms in doubled precision.
    """
    m, k = _split_exponent(x)
    f = m - 1.0
    d = 2.0 + f
    s = f / d
    p, p_rest = _product(s, d)
    s_rest = (((f - p) - p_rest) - s * (f - (d - 2.0))) / d
    z, z_rest = _product(s, s)
    z_rest += 2.0 * s * s_rest
    cube, cube_rest = _product(s, z)
    cube_rest += s * z_rest + s_rest * z
    second, second_rest = _product(cube, _TWO_THIRDS)
    second_rest += cube * _TWO_THIRDS_LO + cube_rest * _TWO_THIRDS
    series = 0.0
    for j in range(27, 3, -2):
        series = series * z + 2.0 / j
    rest = second_rest + 2.0 * s_rest + series * z * cube
    first = 2.0 * s
    total = first + second
    rest += second - (total - first)  # exact: |second| < |first|
    whole = k * _LN2_HI
    hi = whole + total
    rest += (total - (hi - whole)) if k != 0 else 0.0  # exact: |total| < |whole|
    rest += k * _LN2_LO
    log = hi + rest
    return log, rest - (log - hi)


@njit
def pow_(x: float, y: float) -> float:
    """Return x**y, with C's answers for zeros, infinities and NaN; whole powers of whole numbers are exact."""
    if y == 0.0 or x == 1.0:
        return 1.0
    if x != x or y != y:
        return math.nan
    # a float of 2**53 or more is an even whole number
    is_whole = abs(y) >= 9007199254740992.0 or y == float(int(y))
    is_odd = is_whole and abs(y) < 9007199254740992.0 and int(y) % 2 != 0
    size = abs(x)
    if is_whole and 0.0 < y <= 52.0:
        power = 1.0
        for _ in range(int(y)):
            power *= x
        if y <= 2.0 or (abs(power) <= 9007199254740992.0 and size == float(int(min(size, 1e16)))):
            return power
    if x < 0.0 and not is_whole and size != math.inf:
        return math.nan
    if size == 0.0 or size == math.inf or abs(y) == math.inf:
        if size == 1.0:
            return 1.0
        is_large = (size > 1.0) == (y > 0.0)
        power = math.inf if is_large else 0.0
    else:
        log, log_rest = _log_parts(size)
        if abs(y) * abs(log) > 800.0:  # also keeps _product within its range
            power = math.inf if (y > 0.0) == (log > 0.0) else 0.0
        else:
            product, rest = _product(y, log)
            power = _exp_sum(product, rest + y * log_rest)
    is_negative = is_odd and (x < 0.0 or (x == 0.0 and np.float64(x).view(np.int64) < 0))
    return -power if is_negative else power


@njit
def _ratio(r: float, n: tuple[float, ...], d: tuple[float, ...]) -> float:
    top = 0.0
    below = 0.0
    for i in range(7, -1, -1):
        top = top * r + n[i]
        below = below * r + d[i]
    return top / below


@njit
def norm_ppf(p: float) -> float:
    """Return the z with P(standard normal <= z) = p; -inf at 0, inf at 1, NaN outside.

    Source: M. J. Wichura, "Algorithm AS 241", Applied Statistics 37 (1988) 477-484, PPND16.
    """
    if not 0.0 <= p <= 1.0:
        return math.nan
    q = p - 0.5
    if abs(q) <= 0.425:
        return q * _ratio(0.180625 - q * q, _CENTRE_N, _CENTRE_D)
    tail = p if q < 0.0 else 1.0 - p
    if tail == 0.0:
        z = math.inf
    else:
        r = math.sqrt(-log_(tail))
        z = _ratio(r - 1.6, _MIDDLE_N, _MIDDLE_D) if r <= 5.0 else _ratio(r - 5.0, _FAR_N, _FAR_D)
    return -z if q < 0.0 else z


@njit
def splitmix64(state: np.uint64) -> np.uint64:
    """Return 64 well mixed bits for `state`; states `s, s + G, s + 2G...` give the SplitMix64 sequence seeded s.

    G is 0x9E3779B97F4A7C15.  Source: G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators",
    OOPSLA 2014, figure 17 (with the constants of java.util.SplittableRandom's mix64).
    """
    z = np.uint64(state) + _GOLDEN
    z = (z ^ (z >> np.uint64(30))) * _MIX_1
    z = (z ^ (z >> np.uint64(27))) * _MIX_2
    return z ^ (z >> np.uint64(31))


@njit
def uniform(seed: int, counter: int) -> float:
    """Return the `counter`-th number of stream `seed`, uniform in the open interval (0, 1).

    Nothing is remembered: a stream may be read from any place, in any order.
    """
    bits = splitmix64(splitmix64(np.uint64(seed)) + np.uint64(counter) * _GOLDEN)
    # 52 bits and a half: with 53 the largest would round to 1
    return (float(np.int64(bits >> np.uint64(12))) + 0.5) * 2.220446049250313e-16

// NumPy's legacy stream, RandomState: Mersenne Twister (Matsumoto & Nishimura 1998), doubles of 53 bits, normals by the
// polar method (Marsaglia & Bray 1964), of which the second is kept for the next call.
function randomState(seed) {
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) {
    throw new RangeError(`seed must be a whole number from 0 to 4294967295, got ${seed}`);
  }
  const words = new Uint32Array(624);
  words[0] = seed;
  for (let i = 1; i < 624; i++) words[i] = Math.imul(1812433253, words[i - 1] ^ (words[i - 1] >>> 30)) + i;
  let next = 624;
  let kept = 0;
  let hasKept = false;

  function refill() {
    for (let i = 0; i < 624; i++) {
      const mixed = (words[i] & 0x80000000) | (words[(i + 1) % 624] & 0x7fffffff);
      words[i] = words[(i + 397) % 624] ^ (mixed >>> 1) ^ (mixed & 1 ? 0x9908b0df : 0);
    }
    next = 0;
  }
  function word() {
    if (next === 624) refill();
    let y = words[next++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }
  function oneUniform() {
    const high = word() >>> 5;
    return (high * 67108864 + (word() >>> 6)) / 9007199254740992;
  }
  function oneNormal() {
    if (hasKept) {
      hasKept = false;
      return kept;
    }
    let a, b, square;
    do {
      a = 2 * oneUniform() - 1;
      b = 2 * oneUniform() - 1;
      square = a * a + b * b;
    } while (square >= 1 || square === 0);
    const factor = Math.sqrt((-2 * Math.log(square)) / square);
    kept = factor * a;
    hasKept = true;
    return factor * b;
  }
  return {
    oneUniform,
    oneNormal,
    uniform: (n) => Array.from({ length: n }, oneUniform),
    standardNormal: (n) => Array.from({ length: n }, oneNormal),
  };
}

interface Random {
  crypto?: { getRandomValues?(bytes: Uint8Array): Uint8Array }
}

/** 128 random bits in hex. `crypto.randomUUID` is missing on http pages other than localhost, all of `crypto` in some engines. */
export function randomKey(): string {
  const bytes = new Uint8Array(16)
  const { crypto } = globalThis as Random
  if (crypto?.getRandomValues) crypto.getRandomValues(bytes)
  else for (let n = 0; n < bytes.length; n++) bytes[n] = Math.random() * 256
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Keeps a value under its key, and forgets the oldest where there would be more than `most`. */
export function remember<K, V>(memory: Map<K, V>, most: number, key: K, value: V): void {
  const [oldest] = memory.size < most ? [] : memory.keys()
  if (oldest !== undefined) memory.delete(oldest)
  memory.set(key, value)
}

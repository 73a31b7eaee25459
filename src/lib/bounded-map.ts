/** Sets a value, and removes the oldest where there would be more than `max`. */
export function remember<K, V>(map: Map<K, V>, max: number, key: K, value: V): void {
  const [oldest] = map.size < max ? [] : map.keys()
  if (oldest !== undefined) map.delete(oldest)
  map.set(key, value)
}

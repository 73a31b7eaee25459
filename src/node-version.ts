/** The oldest Node that Cutroom runs on, as `engines` in package.json says. */
export const OLDEST_NODE = '20.19'

/** The line that refuses this version of Node; null where it will do. Imports nothing: it runs on any version. */
export function nodeRefusal(version: string): string | null {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE.split('.').map(Number)
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return null
  return `Node ${version} is too old: Cutroom needs Node ${OLDEST_NODE} or later (22 or 24 recommended)`
}

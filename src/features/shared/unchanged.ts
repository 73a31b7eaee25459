/**
 * Would these changes leave a thing as it is? Then there is no new version, and no event.
 * @param before the thing as it is shown
 */
export const isUnchanged = (before: object, changes: object): boolean => {
  const shown = new Map<string, unknown>(Object.entries(before))
  return Object.entries(changes).every(
    ([name, value]) => value === undefined || JSON.stringify(value) === JSON.stringify(shown.get(name)),
  )
}

import { type Keys, useKeys } from './keys.ts'

/** The element of each row that takes the focus has `data-row`, with the id of the row. */
const rows = (): HTMLElement[] => [...document.querySelectorAll<HTMLElement>('[data-row]')]
const rowWithFocus = (): string | undefined =>
  document.activeElement?.closest('li')?.querySelector<HTMLElement>('[data-row]')?.dataset.row

/** Puts the focus on the row after this one, or before it where it is the last: to be called before it goes. @returns does it, once it is gone */
export function nextRow(id: string): () => void {
  const all = rows()
  const at = all.findIndex(({ dataset }) => dataset.row === id)
  const next = (all[at + 1] ?? all[at - 1])?.dataset.row
  return () =>
    requestAnimationFrame(() => {
      const found = rows().find(({ dataset }) => dataset.row === next)
      if (found) found.focus()
      else document.querySelector<HTMLElement>('main')?.focus()
    })
}

/**
 * Up and down, j and k go from row to row.
 * @param keys what other keys do with the row that has the focus, by its id
 * @param others what keys do with or without one
 */
export function useRowKeys(keys: Readonly<Record<string, (id: string) => void>> = {}, others: Keys = {}): void {
  const step = (by: number, begins: boolean) => () => {
    const all = rows()
    const at = all.findIndex(({ dataset }) => dataset.row === rowWithFocus())
    const next = at < 0 ? (begins ? all[0] : undefined) : all[at + by]
    next?.focus()
    next?.scrollIntoView({ block: 'nearest' })
    return at >= 0 || next !== undefined
  }
  const onRow = (run: (id: string) => void) => () => {
    const id = rowWithFocus()
    if (id === undefined) return false
    run(id)
    return true
  }
  useKeys({
    ArrowDown: step(1, false),
    ArrowUp: step(-1, false),
    j: step(1, true),
    k: step(-1, true),
    ...others,
    ...Object.fromEntries(Object.entries(keys).map(([key, run]) => [key, onRow(run)])),
  })
}

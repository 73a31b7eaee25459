import { useState } from 'preact/hooks'
import { keepUnsent, unsent } from './unsent.ts'

/** A row while it is edited, as it is kept in the tab. */
interface Kept<R, D> {
  begun: R
  draft: D
}

/** What was written of a row and neither saved nor cancelled. */
export function keptDraft<R, D>(key: string): Kept<R, D> | null {
  const text = unsent(key)
  return text === null ? null : JSON.parse(text)
}

/**
 * A row while it is edited, as the fields of a form.
 * @param draftOf the fields of a row
 * @param key it is kept in this tab until it is forgotten
 */
export function useDraft<R, D extends Record<string, string>>(row: R, draftOf: (row: R) => D, key: string) {
  const [kept] = useState(() => keptDraft<R, D>(key))
  const begun = useState(kept?.begun ?? row)[0]
  const [draft, setDraft] = useState(() => ({ ...draftOf(begun), ...kept?.draft }))
  return {
    draft,
    set: (name: keyof D) => (value: string) => {
      const next = { ...draft, [name]: value }
      setDraft(next)
      keepUnsent(key, JSON.stringify({ begun, draft: next }))
    },
    forget: () => keepUnsent(key, null),
    /** The row as it was when the editing began. */
    begun,
    isChanged: (name: keyof D): boolean => draft[name] !== draftOf(begun)[name],
  }
}

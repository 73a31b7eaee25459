import { useState } from 'preact/hooks'

/** A row while it is edited, as the fields of a form. @param draftOf the fields of a row */
export function useDraft<R, D extends Record<string, string>>(row: R, draftOf: (row: R) => D) {
  const [begun] = useState(row)
  const [draft, setDraft] = useState(() => draftOf(row))
  return {
    draft,
    set: (name: keyof D) => (value: string) => setDraft((was) => ({ ...was, [name]: value })),
    /** The row as it was when the editing began. */
    begun,
    isChanged: (name: keyof D): boolean => draft[name] !== draftOf(begun)[name],
  }
}

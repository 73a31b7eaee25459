import { CutroomError } from '@cutroom/client'
import { useState } from 'preact/hooks'

/**
 * A row while it is edited, as the fields of a form.
 * @param draftOf the fields of a row
 * @param save writes the draft over a version of the row; `begun` is what the draft was begun with
 */
export function useDraft<R extends { version: number }, D extends Record<string, string>>(
  row: R,
  draftOf: (row: R) => D,
  save: (draft: D, begun: D, version: number) => Promise<unknown>,
) {
  const [begun, setBegun] = useState(row)
  const [draft, setDraft] = useState(() => draftOf(row))
  const [theirs, setTheirs] = useState<R | null>(null)

  async function write({ version }: R): Promise<void> {
    try {
      await save(draft, draftOf(begun), version)
    } catch (error) {
      if (!(error instanceof CutroomError) || error.code !== 'stale') throw error
      setTheirs(error.problem.current as R)
    }
  }
  return {
    draft,
    set: (name: keyof D) => (value: string) => setDraft((was) => ({ ...was, [name]: value })),
    write: () => write(begun),
    /** What another person has made of the row since; null: nothing. */
    theirs: theirs && draftOf(theirs),
    /** Writes the draft over what the other person made. */
    keepMine: () => write(theirs ?? begun),
    takeTheirs(): void {
      if (!theirs) return
      setDraft(draftOf(theirs))
      setBegun(theirs)
      setTheirs(null)
    },
  }
}

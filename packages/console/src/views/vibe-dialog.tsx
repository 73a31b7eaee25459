import type { Vibe } from '@cutroom/client'
import { useState } from 'preact/hooks'
import { useDraft } from '../lib/draft.ts'
import { deleteVibe, saveVibe } from '../lib/edits.ts'
import { CancelOrDelete, Confirm, Dialog } from '../parts/dialog.tsx'
import { Area, Field, Form, useSubmission } from '../parts/form.tsx'
import { texts } from '../texts.ts'
import { cutTexts } from '../texts-cuts.ts'

const words = cutTexts.cuts

export const draftOf = ({ name, theme }: Vibe) => ({ name, theme: theme ?? '' })

/** What a vibe is called and about, and its end. */
export function VibeDialog({ vibe, onClose }: { vibe: Vibe; onClose: () => void }) {
  const { draft, set, forget, begun, isChanged } = useDraft(vibe, draftOf, `vibe ${vibe.id}`)
  const [isDeleting, setDeleting] = useState(false)
  const submission = useSubmission()
  const end = () => {
    forget()
    onClose()
  }
  if (isDeleting)
    return (
      <Confirm
        title={words.deleteVibe(vibe.name)}
        text={words.deleteVibeText}
        action={texts.delete}
        onDo={() => deleteVibe(vibe)}
        onClose={onClose}
      />
    )
  return (
    <Dialog title={words.editVibe(vibe.name)} onClose={onClose}>
      <Form
        submission={submission}
        action={texts.save}
        disabled={draft.name.trim() === ''}
        work={async () =>
          saveVibe(begun, {
            ...(isChanged('name') && { name: draft.name.trim() }),
            ...(isChanged('theme') && { theme: draft.theme || null }),
          })
        }
        onDone={end}
        beside={<CancelOrDelete onCancel={end} onDelete={() => setDeleting(true)} />}
      >
        <Field label={words.vibeName} value={draft.name} onInput={set('name')} maxLength={200} dir="auto" />
        <Area label={words.theme} value={draft.theme} onInput={set('theme')} rows={3} maxLength={500} />
      </Form>
    </Dialog>
  )
}

import type { Cut } from '@cutroom/client'
import { useState } from 'preact/hooks'
import { useDraft } from '../lib/draft.ts'
import { cutDraftOf, deleteCut, saveCut } from '../lib/edits.ts'
import { go, projectPath } from '../lib/router.ts'
import { CancelOrDelete, Confirm, Dialog } from '../parts/dialog.tsx'
import { Field, Form, useSubmission } from '../parts/form.tsx'
import { texts } from '../texts.ts'
import { cutTexts } from '../texts-cuts.ts'

const words = cutTexts.cuts

/** What the server takes. */
const SLOWEST = 1
const FASTEST = 999

/** What a cut is called, how fast it is, and its end. */
export function CutDialog({ cut, onClose }: { cut: Cut; onClose: () => void }) {
  const [isDeleting, setDeleting] = useState(false)
  const submission = useSubmission()
  const { draft, set, forget, begun, isChanged } = useDraft(cut, cutDraftOf, `cut ${cut.id}`)
  const bpm = draft.bpm.trim() === '' ? null : Number(draft.bpm)
  const isTempo = bpm === null || (bpm >= SLOWEST && bpm <= FASTEST)
  const end = () => {
    forget()
    onClose()
  }
  const save = async () => {
    await saveCut(begun, {
      ...(isChanged('name') && { name: draft.name.trim() }),
      ...(isChanged('bpm') && { bpm }),
      ...(isChanged('timeSignature') && { timeSignature: draft.timeSignature.trim() || null }),
    })
    end()
  }
  if (isDeleting)
    return (
      <Confirm
        title={words.deleteCut(cut.name)}
        text={words.deleteCutText}
        action={texts.delete}
        onDo={() => {
          deleteCut(cut)
          go(projectPath(cut.projectId, 'cuts'))
        }}
        onClose={onClose}
      />
    )
  return (
    <Dialog title={words.editCut(cut.name)} onClose={onClose}>
      <Form
        submission={submission}
        action={texts.save}
        disabled={draft.name.trim() === '' || !isTempo}
        work={save}
        beside={<CancelOrDelete onCancel={end} onDelete={() => setDeleting(true)} />}
      >
        <Field label={words.cutName} value={draft.name} onInput={set('name')} maxLength={200} dir="auto" />
        <Field
          label={words.bpm}
          value={draft.bpm}
          onInput={set('bpm')}
          inputMode="decimal"
          wrong={isTempo ? undefined : words.bpmWrong(SLOWEST, FASTEST)}
        />
        <Field label={words.signature} value={draft.timeSignature} onInput={set('timeSignature')} help={words.signatureHelp} />
      </Form>
    </Dialog>
  )
}

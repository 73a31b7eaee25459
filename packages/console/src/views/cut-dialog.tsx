import { type Cut, cuts } from '@cutroom/client'
import { useState } from 'preact/hooks'
import { useDraft } from '../lib/draft.ts'
import { complain } from '../lib/room.ts'
import { go, projectPath } from '../lib/router.ts'
import { client } from '../lib/session.ts'
import { Conflict } from '../parts/conflict.tsx'
import { Confirm, Dialog } from '../parts/dialog.tsx'
import { Field, Form, useSubmission } from '../parts/form.tsx'
import { texts } from '../texts.ts'

const words = texts.cuts

type Draft = { name: string; bpm: string; timeSignature: string }
const draftOf = (cut: Cut): Draft => ({
  name: cut.name,
  bpm: cut.bpm === null ? '' : String(cut.bpm),
  timeSignature: cut.timeSignature ?? '',
})

/** What a cut is called, how fast it is, and its end. */
export function CutDialog({ cut, onClose }: { cut: Cut; onClose: () => void }) {
  const [isDeleting, setDeleting] = useState(false)
  const submission = useSubmission(['name', 'bpm', 'timeSignature'])
  const { draft, set, write, theirs, keepMine, takeTheirs } = useDraft(cut, draftOf, async (draft, _, ifMatch) => {
    const body = {
      name: draft.name,
      bpm: draft.bpm.trim() === '' ? null : Number(draft.bpm),
      timeSignature: draft.timeSignature.trim() === '' ? null : draft.timeSignature.trim(),
    }
    await client.call(cuts.update, { params: { cutId: cut.id }, body, ifMatch })
    onClose()
  })
  if (isDeleting)
    return (
      <Confirm
        title={words.deleteCut(cut.name)}
        text={words.deleteCutText}
        action={texts.delete}
        onDo={() => {
          client
            .call(cuts.delete, { params: { cutId: cut.id } })
            .then(() => go(projectPath(cut.projectId, 'cuts')))
            .catch(complain)
        }}
        onClose={onClose}
      />
    )
  return (
    <Dialog title={words.editCut(cut.name)} onClose={onClose}>
      {theirs ? (
        <Conflict
          mine={draft}
          theirs={theirs}
          names={{ name: words.cutName, bpm: words.bpm, timeSignature: words.signature }}
          show={(_, value) => value}
          submission={submission}
          onKeepMine={() => submission.run(keepMine)}
          onTakeTheirs={takeTheirs}
        />
      ) : (
        <Form
          submission={submission}
          action={texts.save}
          disabled={draft.name.trim() === ''}
          work={write}
          beside={
            <button type="button" class="button plain" onClick={() => setDeleting(true)}>
              {texts.delete}
            </button>
          }
        >
          <Field
            label={words.cutName}
            value={draft.name}
            onInput={set('name')}
            maxLength={200}
            dir="auto"
            wrong={submission.field('name')}
          />
          <Field label={words.bpm} value={draft.bpm} onInput={set('bpm')} inputMode="decimal" wrong={submission.field('bpm')} />
          <Field
            label={words.signature}
            value={draft.timeSignature}
            onInput={set('timeSignature')}
            help={words.signatureHelp}
            wrong={submission.field('timeSignature')}
          />
        </Form>
      )}
    </Dialog>
  )
}

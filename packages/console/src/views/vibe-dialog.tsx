import { type Vibe, vibes } from '@cutroom/client'
import { useState } from 'preact/hooks'
import { complain } from '../lib/room.ts'
import { client } from '../lib/session.ts'
import { Confirm, Dialog } from '../parts/dialog.tsx'
import { Area, Field, Form, useSubmission } from '../parts/form.tsx'
import { texts } from '../texts.ts'

const words = texts.cuts

/** What a vibe is called and about, and its end. */
export function VibeDialog({ vibe, onClose }: { vibe: Vibe; onClose: () => void }) {
  const [name, setName] = useState(vibe.name)
  const [theme, setTheme] = useState(vibe.theme ?? '')
  const [isDeleting, setDeleting] = useState(false)
  const submission = useSubmission(['name', 'theme'])
  if (isDeleting)
    return (
      <Confirm
        title={words.deleteVibe(vibe.name)}
        text={words.deleteVibeText}
        action={texts.delete}
        onDo={() => void client.call(vibes.delete, { params: { vibeId: vibe.id } }).catch(complain)}
        onClose={onClose}
      />
    )
  return (
    <Dialog title={words.editVibe(vibe.name)} onClose={onClose}>
      <Form
        submission={submission}
        action={texts.save}
        disabled={name.trim() === ''}
        work={() =>
          client.call(vibes.update, { params: { vibeId: vibe.id }, body: { name, theme: theme === '' ? null : theme } })
        }
        onDone={onClose}
        beside={
          <button type="button" class="button plain" onClick={() => setDeleting(true)}>
            {texts.delete}
          </button>
        }
      >
        <Field
          label={words.vibeName}
          value={name}
          onInput={setName}
          maxLength={200}
          dir="auto"
          wrong={submission.field('name')}
        />
        <Area label={words.theme} value={theme} onInput={setTheme} rows={3} maxLength={500} />
      </Form>
    </Dialog>
  )
}

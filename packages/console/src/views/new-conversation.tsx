import { useState } from 'preact/hooks'
import { type Acquaintance, MOST_PEOPLE, useAcquaintances } from '../lib/acquaintances.ts'
import { chatPath, go } from '../lib/router.ts'
import { client } from '../lib/session.ts'
import { Dialog } from '../parts/dialog.tsx'
import { Face } from '../parts/face.tsx'
import { Field, Form, useSubmission } from '../parts/form.tsx'
import { Windowed } from '../parts/windowed.tsx'
import { chatTexts } from '../texts-chat.ts'

const words = chatTexts.create
const ROW_HEIGHT = 52
/** People in a conversation besides oneself. */
const MOST = 49

function Choice({ one, isChosen, onChoose }: { one: Acquaintance; isChosen: boolean; onChoose: () => void }) {
  const { person, projects } = one
  return (
    <label class="row acquaintance">
      <input type="checkbox" checked={isChosen} onChange={onChoose} />
      <Face person={person} />
      <span class="grow">
        <span class="clip name" dir="auto">
          {person.name}
        </span>
        <span class="clip quiet small" dir="auto">
          {projects}
        </span>
      </span>
    </label>
  )
}

/** Begins a conversation, with one person or several. */
export function NewConversation({ onClose }: { onClose: () => void }) {
  const { people, isLoading, isWhole, wrong } = useAcquaintances()
  const [query, setQuery] = useState('')
  const [chosen, setChosen] = useState<readonly string[]>([])
  const [title, setTitle] = useState('')
  const submission = useSubmission()
  const wanted = query.trim().toLocaleLowerCase()
  const shown = people.filter(({ person }) => person.name.toLocaleLowerCase().includes(wanted))
  const isGroup = chosen.length > 1
  const toggle = (id: string) => setChosen((was) => (was.includes(id) ? was.filter((one) => one !== id) : [...was, id]))
  const work = async () => {
    const { id } = await client.conversations.start(chosen, isGroup && title.trim() !== '' ? title.trim() : undefined)
    onClose()
    go(chatPath(id))
  }
  return (
    <Dialog title={words.title} onClose={onClose}>
      <Form
        submission={submission}
        action={words.start}
        disabled={chosen.length === 0 || chosen.length > MOST}
        work={work}
        beside={<span class="quiet small">{chosen.length > MOST ? words.most(MOST + 1) : words.chosen(chosen.length)}</span>}
      >
        <p class="quiet small">{words.text}</p>
        {!isLoading && wrong === null && people.length === 0 ? (
          <p class="note">{words.noOne}</p>
        ) : (
          <>
            <Field label={words.find} value={query} onInput={setQuery} autocomplete="off" dir="auto" />
            <Windowed
              class="acquaintances"
              items={shown}
              keyOf={({ person }) => person.id}
              estimate={ROW_HEIGHT}
              label={words.people}
              empty={<p class="quiet small">{isLoading ? words.loading : words.noMatch(query.trim())}</p>}
              draw={(one) => (
                <Choice one={one} isChosen={chosen.includes(one.person.id)} onChoose={() => toggle(one.person.id)} />
              )}
            />
          </>
        )}
        {wrong !== null && <p class="note bad">{wrong}</p>}
        {!isWhole && wrong === null && <p class="quiet small">{words.notAll(MOST_PEOPLE)}</p>}
        {isGroup && <Field label={words.name} value={title} onInput={setTitle} maxLength={100} dir="auto" />}
      </Form>
    </Dialog>
  )
}

import { auth, me as endpoints } from '@cutroom/client'
import { useState } from 'preact/hooks'
import { useCell } from '../lib/cell.ts'
import { complain } from '../lib/room.ts'
import { toast } from '../lib/say.ts'
import { client } from '../lib/session.ts'
import { setTheme, type Theme, theme } from '../lib/theme.ts'
import { useSelected } from '../lib/use-selected.ts'
import { Confirm } from '../parts/dialog.tsx'
import { Choice, Field, Form, useSubmission } from '../parts/form.tsx'
import { SignOut } from '../parts/sign-out.tsx'
import { UsageLine } from '../parts/usage.tsx'
import { texts } from '../texts.ts'
import { moreTexts } from '../texts-more.ts'
import { Preferences } from './preferences.tsx'
import { Sessions } from './sessions.tsx'
import { Tokens } from './tokens.tsx'

const words = moreTexts.me

function Profile() {
  const me = useSelected(() => client.select(({ me }) => me), [])
  const [name, setName] = useState(me?.name ?? '')
  const submission = useSubmission(['name'])
  return (
    <section class="card stack" aria-label={words.profile}>
      <h2>{words.profile}</h2>
      <p class="quiet">{me?.email}</p>
      <Form
        submission={submission}
        action={texts.save}
        disabled={name.trim() === '' || name === me?.name}
        work={() => client.call(endpoints.update, { body: { name } })}
        onDone={() => toast(texts.saved)}
      >
        <Field
          label={words.name}
          value={name}
          onInput={setName}
          maxLength={100}
          dir="auto"
          autocomplete="name"
          wrong={submission.field('name')}
        />
      </Form>
    </section>
  )
}

function Password() {
  const [current, setCurrent] = useState('')
  const [next, setNext] = useState('')
  const submission = useSubmission(['current', 'next'])
  return (
    <section class="card stack" aria-label={words.password}>
      <h2>{words.password}</h2>
      <Form
        submission={submission}
        action={words.change}
        disabled={current === '' || next === ''}
        work={() => client.call(endpoints.changePassword, { body: { current, next } })}
        onDone={() => {
          setCurrent('')
          setNext('')
          toast(words.changed)
        }}
      >
        <Field
          label={words.current}
          type="password"
          value={current}
          onInput={setCurrent}
          autocomplete="current-password"
          wrong={submission.field('current')}
        />
        <Field
          label={words.next}
          type="password"
          value={next}
          onInput={setNext}
          autocomplete="new-password"
          help={texts.sign.passwordHelp}
          wrong={submission.field('next')}
        />
      </Form>
    </section>
  )
}

/** What is one's own: name, password, look, sessions. */
export function MeView() {
  const [isEnding, setEnding] = useState(false)
  return (
    <div class="page">
      <div class="page-head">
        <h1>{words.title}</h1>
        <SignOut text={texts.frame.signOut} />
      </div>
      <Profile />
      <section class="card" aria-label={words.look}>
        <Choice
          label={words.look}
          value={useCell(theme)}
          options={Object.entries(words.themes).map(([value, text]) => ({ value: value as Theme, text }))}
          onChoose={setTheme}
        />
      </section>
      <Preferences />
      <section class="card stack" aria-label={words.files}>
        <h2>{words.files}</h2>
        <p class="quiet">{words.filesText}</p>
        <UsageLine />
      </section>
      <Sessions onEndAll={() => setEnding(true)} />
      <Tokens />
      <Password />
      {isEnding && (
        <Confirm
          title={words.endAll}
          text={words.endAllText}
          action={words.endAll}
          onDo={() => void client.call(auth.logoutAll).catch(complain)}
          onClose={() => setEnding(false)}
        />
      )}
    </div>
  )
}

import { useState } from 'preact/hooks'
import { useCell } from '../lib/cell.ts'
import { base } from '../lib/router.ts'
import { client, notice } from '../lib/session.ts'
import { Field, Form, useSubmission } from '../parts/form.tsx'
import { LogoIcon } from '../parts/icons.tsx'
import { texts } from '../texts.ts'

const words = texts.sign

/** What a visitor sees: what this is, and the way in. */
export function SignIn() {
  const [isNew, setIsNew] = useState(false)
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const [name, setName] = useState('')
  const [remember, setRemember] = useState(true)
  const why = useCell(notice)
  const submission = useSubmission(['email', 'password', 'name'])
  const work = () => (isNew ? client.register({ email, password, name, remember }) : client.login({ email, password, remember }))
  return (
    <main class="sign">
      <div class="sign-box">
        <div class="stack">
          <h1 class="row">
            <LogoIcon />
            {texts.name}
          </h1>
          <p class="quiet">{words.claim}</p>
        </div>
        {why !== null && <p class="note warn">{why}</p>}
        <section class="card stack" aria-label={isNew ? words.register : words.in}>
          <h2>{isNew ? words.register : words.in}</h2>
          <Form
            submission={submission}
            action={isNew ? words.register : words.in}
            work={work}
            onDone={() => {
              notice.value = null
            }}
          >
            {isNew && (
              <Field
                label={words.name}
                value={name}
                onInput={setName}
                autocomplete="name"
                required
                wrong={submission.field('name')}
              />
            )}
            <Field
              label={words.email}
              type="email"
              value={email}
              onInput={setEmail}
              autocomplete="username"
              required
              wrong={submission.field('email')}
            />
            <Field
              label={words.password}
              type="password"
              value={password}
              onInput={setPassword}
              autocomplete={isNew ? 'new-password' : 'current-password'}
              required
              wrong={submission.field('password')}
              {...(isNew ? { help: words.passwordHelp } : {})}
            />
            <label class="check">
              <input type="checkbox" checked={remember} onChange={(event) => setRemember(event.currentTarget.checked)} />
              {words.remember}
            </label>
          </Form>
          <button type="button" class="button plain" onClick={() => setIsNew(!isNew)}>
            {isNew ? words.toSignIn : words.toRegister}
          </button>
        </section>
        <p class="small">
          <a href={`${base}/docs`}>{words.reference}</a>
        </p>
      </div>
    </main>
  )
}

import '../styles/preferences.css'
import type { DigestFrequency, MailPreferences, Notification, NotificationPreferences } from '@cutroom/client'
import { useEffect, useRef } from 'preact/hooks'
import { useMailPreferences, useNotificationPreferences, withDigest, withMuted } from '../lib/preferences.ts'
import { address } from '../lib/router.ts'
import { Choice } from '../parts/form.tsx'
import { inboxTexts } from '../texts-inbox.ts'
import { useProjects } from './frame.tsx'

const words = inboxTexts.prefs
const mailWords = inboxTexts.mail
type Change<P> = (run: (preferences: P) => P) => void

const KINDS = Object.entries(words.kinds) as [Notification['kind'], string][]
const FREQUENCIES = Object.entries(mailWords.frequencies) as [DigestFrequency, string][]
const options = FREQUENCIES.map(([value, text]) => ({ value, text }))

function Kinds({ preferences, change }: { preferences: NotificationPreferences; change: Change<NotificationPreferences> }) {
  return (
    <ul class="checks">
      {KINDS.map(([kind, text]) => (
        <li key={kind}>
          <label class="check">
            <input
              type="checkbox"
              checked={preferences.kinds[kind] === 'on'}
              onChange={({ currentTarget }) => {
                const choice = currentTarget.checked ? 'on' : 'off'
                change((before) => ({ ...before, kinds: { ...before.kinds, [kind]: choice } }))
              }}
            />
            {text}
          </label>
        </li>
      ))}
    </ul>
  )
}

function Mail({ mail, change }: { mail: MailPreferences; change: Change<MailPreferences> }) {
  return (
    <>
      <h3>{mailWords.title}</h3>
      <p class="quiet small">{mailWords.text}</p>
      <label class="check">
        <input
          type="checkbox"
          checked={mail.missed}
          aria-describedby="missed-text"
          onChange={({ currentTarget }) => {
            const { checked } = currentTarget
            change((before) => ({ ...before, missed: checked }))
          }}
        />
        {mailWords.missed}
      </label>
      <p id="missed-text" class="quiet small below-check">
        {mailWords.missedText}
      </p>
      <Choice
        label={mailWords.digest}
        value={mail.digest}
        options={options}
        onChoose={(digest) => change((before) => ({ ...before, digest }))}
      />
    </>
  )
}

/** Muting and the digest, project by project. */
function Projects(props: {
  preferences: NotificationPreferences
  change: Change<NotificationPreferences>
  mail: MailPreferences
  changeMail: Change<MailPreferences>
}) {
  const { preferences, change, mail, changeMail } = props
  const projects = useProjects() ?? []
  if (projects.length === 0) return null
  const isMuted = (id: string) => preferences.projects.some(({ projectId, muted }) => projectId === id && muted)
  const digestOf = (id: string) => mail.projects.find(({ projectId }) => projectId === id)?.digest ?? ''
  const asAll = { value: '' as const, text: words.asAll }
  return (
    <>
      <h3>{words.projects}</h3>
      <p class="quiet small">{words.projectsText}</p>
      <table class="table">
        <thead>
          <tr>
            <th scope="col">{words.project}</th>
            <th scope="col">{words.muted}</th>
            <th scope="col">{words.digestShort}</th>
          </tr>
        </thead>
        <tbody>
          {projects.map(({ id, name }) => (
            <tr key={id}>
              <th scope="row" class="project-name" dir="auto">
                <span class="long">{name}</span>
              </th>
              <td>
                <label class="check">
                  <input
                    type="checkbox"
                    aria-label={words.mute(name)}
                    checked={isMuted(id)}
                    onChange={({ currentTarget }) => {
                      const { checked } = currentTarget
                      change((before) => withMuted(before, id, checked))
                    }}
                  />
                </label>
              </td>
              <td>
                <Choice<DigestFrequency | ''>
                  label={words.digestOf(name)}
                  hideLabel
                  value={digestOf(id)}
                  options={[asAll, ...options]}
                  onChoose={(value) => changeMail((before) => withDigest(before, id, value === '' ? null : value))}
                />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  )
}

/** What one is notified of, in the inbox and by mail. An address with `?part=notifications` begins here. */
export function Preferences() {
  const [preferences, change] = useNotificationPreferences()
  const [mail, changeMail] = useMailPreferences()
  const heading = useRef<HTMLHeadingElement>(null)
  const isThere = preferences !== null && mail !== null
  useEffect(() => {
    if (!isThere || !address.value.includes('part=notifications')) return
    heading.current?.scrollIntoView({ block: 'start' })
    heading.current?.focus({ preventScroll: true })
  }, [isThere])
  return (
    <section class="card stack preferences" aria-labelledby="notifications">
      <h2 id="notifications" ref={heading} tabIndex={-1}>
        {words.title}
      </h2>
      <p class="quiet">{words.text}</p>
      {preferences && <Kinds preferences={preferences} change={change} />}
      {mail && <Mail mail={mail} change={changeMail} />}
      {isThere && <Projects {...{ preferences, change, mail, changeMail }} />}
    </section>
  )
}

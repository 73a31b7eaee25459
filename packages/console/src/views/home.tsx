import { projects as endpoints, type Project } from '@cutroom/client'
import { useEffect, useState } from 'preact/hooks'
import { lazy } from '../lib/lazy.tsx'
import { type Pulse, type Pulses, usePulses } from '../lib/overview.ts'
import { base, go, projectPath } from '../lib/router.ts'
import { announce } from '../lib/say.ts'
import { client } from '../lib/session.ts'
import { Ago, Face } from '../parts/face.tsx'
import { Field, Form, useSubmission } from '../parts/form.tsx'
import { Waiting } from '../parts/waiting.tsx'
import { texts } from '../texts.ts'
import { moreTexts } from '../texts-more.ts'
import { useProjects } from './frame.tsx'

const Sample = lazy(() => import('./sample.tsx').then(({ Sample }) => Sample), null)
const words = moreTexts.home

function CreateProject({ isFirst }: { isFirst: boolean }) {
  const [name, setName] = useState('')
  const submission = useSubmission(['name'])
  return (
    <section class="card stack" aria-label={isFirst ? words.createFirst : words.create}>
      {isFirst && (
        <>
          <h2>{words.createFirst}</h2>
          <p class="quiet">{words.empty}</p>
        </>
      )}
      <Form
        submission={submission}
        action={words.create}
        disabled={name.trim() === ''}
        work={async () => {
          const project = await client.call(endpoints.create, { body: { name } })
          announce(words.created(project.name))
          go(projectPath(project.id))
        }}
      >
        <Field label={words.nameLabel} value={name} onInput={setName} maxLength={200} wrong={submission.field('name')} />
      </Form>
    </section>
  )
}

/** A project: who is there, and what is new. */
function Card({ project, pulse }: { project: Project; pulse: Pulse | undefined }) {
  const { id, name, description } = project
  const people = pulse?.present ?? []
  const more = (pulse?.presentTotal ?? 0) - people.length
  return (
    <a class="card project" href={base + projectPath(id)}>
      <h2 dir="auto">{name}</h2>
      {description && (
        <p class="quiet small" dir="auto">
          {description}
        </p>
      )}
      <div class="foot row wrap">
        {people.length > 0 && (
          <span class="faces" role="img" aria-label={texts.frame.here(people.map((person) => person.name).join(', '))}>
            {people.map((person) => (
              <Face key={person.id} person={person} />
            ))}
            {more > 0 && <span class="face">+{more}</span>}
          </span>
        )}
        {pulse?.fresh ? <span class="chip wide">{words.fresh(pulse.fresh)}</span> : null}
      </div>
      <p class="quiet small">
        {words.changed} <Ago at={lastOf(project, pulse)} />
      </p>
    </a>
  )
}

const lastOf = ({ updatedAt }: Project, pulse: Pulse | undefined): string => pulse?.lastEventAt ?? updatedAt

/** In the order of their last events as the page was opened: cards do not move while they are looked at. New ones come first. */
function useOrder(projects: readonly Project[] | null, pulses: Pulses | null): readonly Project[] | null {
  const [first, setFirst] = useState<Pulses | null>(null)
  useEffect(() => setFirst((was) => was ?? pulses), [pulses])
  if (!projects || !first) return null
  const place = (project: Project) => lastOf(project, first.get(project.id))
  return [...projects].sort((a, b) => (place(a) < place(b) ? 1 : -1))
}

/** One's projects as cards, those in which something happened last first. */
export function Home() {
  const [isWriting, setWriting] = useState(false)
  const pulses = usePulses()
  const projects = useOrder(useProjects(), pulses)
  if (projects === null) return <Waiting reason={texts.status.waits.connecting} />
  return (
    <div class="page wide">
      <div class="page-head">
        <h1>{texts.frame.yours}</h1>
        {projects.length > 0 && (
          <a class="button plain narrow-only" href={`${base}/activity`}>
            {texts.frame.activity}
          </a>
        )}
      </div>
      {projects.length > 0 && (
        <ul class="cards">
          {projects.map((project) => (
            <li key={project.id}>
              <Card project={project} pulse={pulses?.get(project.id)} />
            </li>
          ))}
        </ul>
      )}
      <CreateProject isFirst={projects.length === 0} />
      {(projects.length === 0 || isWriting) && <Sample onBusy={setWriting} />}
    </div>
  )
}

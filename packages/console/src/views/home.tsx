import { projects as endpoints } from '@cutroom/client'
import { useState } from 'preact/hooks'
import { base, go, projectPath } from '../lib/router.ts'
import { announce } from '../lib/say.ts'
import { client } from '../lib/session.ts'
import { Ago } from '../parts/face.tsx'
import { Field, Form, useSubmission } from '../parts/form.tsx'
import { Waiting } from '../parts/waiting.tsx'
import { texts } from '../texts.ts'
import { useProjects } from './frame.tsx'

const words = texts.home

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

/** One's projects as cards, those that changed last first. */
export function Home() {
  const projects = useProjects()
  if (projects === null) return <Waiting reason={texts.status.waits.connecting} />
  const latest = [...projects].sort((a, b) => (a.updatedAt < b.updatedAt ? 1 : -1))
  return (
    <div class="page wide">
      <h1>{words.title}</h1>
      {latest.length > 0 && (
        <ul class="cards">
          {latest.map(({ id, name, description, updatedAt }) => (
            <li key={id}>
              <a class="card project" href={base + projectPath(id)}>
                <h2 dir="auto">{name}</h2>
                {description && (
                  <p class="quiet small" dir="auto">
                    {description}
                  </p>
                )}
                <p class="foot quiet small">
                  {words.changed} <Ago at={updatedAt} />
                </p>
              </a>
            </li>
          ))}
        </ul>
      )}
      <CreateProject isFirst={latest.length === 0} />
    </div>
  )
}

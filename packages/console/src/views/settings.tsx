import { members, type Project, projects } from '@cutroom/client'
import { useState } from 'preact/hooks'
import { complain, useMay, useRoom, useRoomValue } from '../lib/room.ts'
import { go } from '../lib/router.ts'
import { toast } from '../lib/say.ts'
import { client } from '../lib/session.ts'
import { Confirm, Dialog } from '../parts/dialog.tsx'
import { Area, Field, Form, useSubmission } from '../parts/form.tsx'
import { texts } from '../texts.ts'
import { moreTexts } from '../texts-more.ts'
import { Webhooks } from './webhooks.tsx'

const words = moreTexts.settings

function EditProject({ project }: { project: Project }) {
  // null: not touched here, and as others write it
  const [ownName, setName] = useState<string | null>(null)
  const [ownDescription, setDescription] = useState<string | null>(null)
  const name = ownName ?? project.name
  const description = ownDescription ?? project.description ?? ''
  const submission = useSubmission(['name', 'description'])
  return (
    <section class="card stack" aria-label={words.name}>
      <Form
        submission={submission}
        action={texts.save}
        disabled={name.trim() === '' || (ownName === null && ownDescription === null)}
        work={async () => {
          const body = {
            ...(ownName !== null && { name }),
            ...(ownDescription !== null && { description: description === '' ? null : description }),
          }
          await client.call(projects.update, { params: { projectId: project.id }, body })
          setName(null)
          setDescription(null)
          toast(texts.saved)
        }}
      >
        <Field label={words.name} value={name} onInput={setName} maxLength={200} dir="auto" wrong={submission.field('name')} />
        <Area label={words.description} value={description} onInput={setDescription} rows={4} maxLength={10_000} />
      </Form>
    </section>
  )
}

function DeleteProject({ project, onClose }: { project: Project; onClose: () => void }) {
  const [typed, setTyped] = useState('')
  const submission = useSubmission()
  return (
    <Dialog title={words.delete} onClose={onClose}>
      <div class="stack">
        <p>{words.deleteText}</p>
        <Form
          submission={submission}
          action={words.delete}
          disabled={typed !== project.name}
          work={async () => {
            await client.call(projects.delete, { params: { projectId: project.id } })
            go('/')
            toast(words.deleted(project.name))
          }}
        >
          <Field label={words.typeName} value={typed} onInput={setTyped} autocomplete="off" help={project.name} />
        </Form>
      </div>
    </Dialog>
  )
}

/** Name and description of the project, and the ways out of it. */
export function Settings() {
  const { projectId } = useRoom()
  const isOwner = useMay('owner')
  const project = useRoomValue(({ state }) => state?.project)
  const [asking, setAsking] = useState<'leave' | 'delete' | null>(null)
  if (!project) return null
  const leave = async () => {
    const { userId } = client
    if (userId === undefined) return
    try {
      await client.call(members.delete, { params: { projectId, userId } })
      go('/')
    } catch (error) {
      complain(error)
    }
  }
  return (
    <div class="page">
      <h1>{words.title}</h1>
      {isOwner ? (
        <EditProject key={project.id} project={project} />
      ) : (
        <section class="card stack">
          <h2 dir="auto">{project.name}</h2>
          {project.description && (
            <p class="body" dir="auto">
              {project.description}
            </p>
          )}
          <p class="quiet small">{words.onlyOwners}</p>
        </section>
      )}
      {isOwner && <Webhooks />}
      <div class="row wrap">
        <button type="button" class="button bad" onClick={() => setAsking('leave')}>
          {words.leave}
        </button>
        {isOwner && (
          <button type="button" class="button bad" onClick={() => setAsking('delete')}>
            {words.delete}
          </button>
        )}
      </div>
      {asking === 'leave' && (
        <Confirm
          title={words.leave}
          text={words.leaveText}
          action={words.leave}
          onDo={() => void leave()}
          onClose={() => setAsking(null)}
        />
      )}
      {asking === 'delete' && <DeleteProject project={project} onClose={() => setAsking(null)} />}
    </div>
  )
}

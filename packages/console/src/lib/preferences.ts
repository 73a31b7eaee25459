import { type MailPreferences, mail, type NotificationPreferences, notifications } from '@cutroom/client'
import { useEffect, useRef, useState } from 'preact/hooks'
import { complain } from './room.ts'
import { client } from './session.ts'
import { untilLoaded } from './until-loaded.ts'

interface Source<P> {
  load(): Promise<P>
  save(next: P): Promise<P>
  /** Calls `changed` when they were changed on any device. */
  listen(changed: (next: P) => void): () => void
}

const ofNotifications: Source<NotificationPreferences> = {
  load: () => client.call(notifications.preferences),
  save: (body) => client.call(notifications.setPreferences, { body }),
  listen: (changed) => client.on('notification-preferences:updated', changed),
}
const ofMail: Source<MailPreferences> = {
  load: () => client.call(mail.get),
  save: (body) => client.call(mail.update, { body }),
  listen: (changed) => client.on('mail-preferences:updated', changed),
}

/** Settings that are saved as a whole: drawn at once, sent one after the other. Null until they are loaded. */
function useSettings<P>({ load, save, listen }: Source<P>): [settings: P | null, change: (run: (settings: P) => P) => void] {
  const [shown, setShown] = useState<P | null>(null)
  const newest = useRef<P | null>(null)
  const running = useRef(0)
  const queue = useRef<Promise<unknown>>(Promise.resolve())
  const show = (next: P) => {
    newest.current = next
    setShown(next)
  }
  const found = (next: P) => {
    // what is being sent is newer
    if (running.current === 0) show(next)
  }
  const end = useRef(() => {})
  const reload = (failed?: (error: unknown) => void) => {
    end.current()
    end.current = untilLoaded(load, found, failed)
  }
  useEffect(() => {
    reload(complain)
    const off = listen(found)
    return () => {
      off()
      end.current()
    }
  }, [])
  return [
    shown,
    (run) => {
      if (newest.current === null) return
      const next = run(newest.current)
      show(next)
      running.current++
      queue.current = queue.current.then(async () => {
        try {
          await save(next)
        } catch (error) {
          complain(error)
          reload()
        } finally {
          running.current--
        }
      })
    },
  ]
}

export const useNotificationPreferences = () => useSettings(ofNotifications)
export const useMailPreferences = () => useSettings(ofMail)

type ProjectPreferences = NotificationPreferences['projects'][number]
/** The preferences with a project muted or not; what else is set for it stays. */
export function withMuted(preferences: NotificationPreferences, projectId: string, muted: boolean): NotificationPreferences {
  const found = preferences.projects.find((one) => one.projectId === projectId)
  const next: ProjectPreferences = { projectId, kinds: {}, ...found, muted }
  const isPlain = !muted && Object.keys(next.kinds).length === 0
  const others = preferences.projects.filter((one) => one.projectId !== projectId)
  return { ...preferences, projects: isPlain ? others : [...others, next] }
}

/** The preferences with the frequency of one project; null: as for all. */
export function withDigest(
  preferences: MailPreferences,
  projectId: string,
  digest: MailPreferences['digest'] | null,
): MailPreferences {
  const others = preferences.projects.filter((one) => one.projectId !== projectId)
  return { ...preferences, projects: digest === null ? others : [...others, { projectId, digest }] }
}

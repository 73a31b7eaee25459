import { files as endpoints, type Usage } from '@cutroom/client'
import { useEffect, useState } from 'preact/hooks'
import { byteSize } from '../lib/bytes.ts'
import { client } from '../lib/session.ts'
import { texts } from '../texts.ts'

interface UsageLineProps {
  /** Left out: that of the person. */
  projectId?: string
  /** It is asked for again when this changes. */
  again?: number
}

/** How much the files of a project, or of a person, take up, and may. */
export function UsageLine({ projectId, again }: UsageLineProps) {
  const [usage, setUsage] = useState<Usage | null>(null)
  useEffect(() => {
    let isShown = true
    const asked = projectId ? client.call(endpoints.usage, { params: { projectId } }) : client.call(endpoints.ownUsage)
    asked.then(
      (found) => isShown && setUsage(found),
      // the line is left out: it is said again when a file does not fit
      () => {},
    )
    return () => {
      isShown = false
    }
  }, [projectId, again])
  if (!usage) return null
  const limit = usage.limit === null ? null : byteSize(usage.limit)
  return <p class="quiet small">{texts.usage(byteSize(usage.bytes), limit)}</p>
}

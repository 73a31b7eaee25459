import type { Upload, UploadArgs, UploadStatus } from '@cutroom/client'
import { useCallback, useState, useSyncExternalStore } from 'react'
import { useClient } from './provider.ts'

const idle = { subscribe: () => () => {}, value: null }

/**
 * An upload of this component: `upload({ cutId, file })` begins one and makes it the one that is shown. It goes on when the component
 * unmounts; `useSelect(client, (client) => client.uploads)` has all of them.
 *
 * @returns status: how the last one stands, null before the first · current: to pause, resume and cancel it
 */
export function useUpload(): {
  upload: (args: UploadArgs) => Upload
  current: Upload | null
  status: UploadStatus | null
} {
  const client = useClient()
  const [current, setCurrent] = useState<Upload | null>(null)
  const upload = useCallback(
    (args: UploadArgs) => {
      const begun = client.upload(args)
      setCurrent(begun)
      return begun
    },
    [client],
  )
  const source: Pick<Upload, 'subscribe'> & { readonly value: UploadStatus | null } = current ?? idle
  const read = () => source.value
  const status = useSyncExternalStore(source.subscribe, read, read)
  return { upload, current, status }
}

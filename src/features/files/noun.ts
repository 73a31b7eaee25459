import type { File } from '@cutroom/contract'
import { type ActivityTarget, defineNoun, projectTable, snapshotById, targetIn } from '../shared/noun.ts'
import { fileRoutes } from './routes.ts'
import { fileReading } from './serialize.ts'

const shown = ({ id, cutId, name }: File): ActivityTarget => ({ type: 'file', id, name, path: `/cuts/${cutId}?file=${id}` })

export const files = defineNoun({
  name: 'files',
  targets: { fileId: targetIn('File') },
  // An upload in parts is shown to its person alone: it names no people to others.
  tables: [projectTable('File', ['authorId']), projectTable('Upload', [])],
  routes: fileRoutes,
  snapshot: { files: snapshotById('File', fileReading) },
  activity: {
    'file:uploaded': shown,
    'file:updated': shown,
    // No one did it.
    'file:processed': null,
    'file:failed': null,
    'file:deleted': ({ fileId }, label) => ({ type: 'file', id: fileId, name: label, path: '' }),
  },
})

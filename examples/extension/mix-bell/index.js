// Tells a project when a mix is done, and opens a room for those who sit at the desk.
const DONE = 'done'
/** People who may enter `desk:<name>`, by their ids: DESK=id,id */
const people = new Set((process.env.DESK ?? '').split(','))

/** A task was written: `task` is the item, with `user_id`, whose it is. */
async function onTask(task, { event, attempt, services: { socket } }) {
  const status = task.status ?? task.to
  if (status !== DONE) return
  // In the log of the project: who is away gets it later, and it is there once, also when this runs twice.
  socket.emitToRoom(event.meta.room, 'mix.ready', { taskId: task.id, attempt })
  // In the log of the person who wrote the task.
  if (task.user_id) socket.emitToUser(task.user_id, 'mix.yours', { taskId: task.id })
  // For those who are in the room now, and in no log.
  socket.emitToRoom('desk:main', 'light', { colour: 'green' })
}

export default {
  id: 'mix-bell',
  events: ['items.create.after', 'items.update.after'].map((action) => ({ collection: 'tasks', action, handler: onTask })),
  rooms: [{ prefix: 'desk', mayEnter: (person) => people.has(person.id) }],
}

// Tells a project when a mix is done, and opens a room for those who sit at the desk.
const DONE = 'done'
/** People who may enter `desk:<name>`, by their ids: DESK=id,id */
const people = new Set((process.env.DESK ?? '').split(','))

/** Is it done by this event? One that is done may be edited, and moved within its column. */
const isDoneNow = (task, name) => (name === 'task:moved' ? task.to === DONE && task.from !== DONE : task.status === DONE)

/** A task was made, changed or moved: `task` is the payload of the event. */
async function onTask(task, { event, attempt, services: { socket } }) {
  if (event.name === 'task:updated' || !isDoneNow(task, event.name)) return
  // In the log of the project: who is away gets it later, and it is there once, also when this runs twice.
  socket.emitToRoom(event.meta.room, 'mix.ready', { taskId: task.id, attempt })
  // In the log of the person who did it. `task.user_id` is the author where the payload has one, as that of a move has not.
  if (event.meta.actor) socket.emitToUser(event.meta.actor.id, 'mix.thanks', { taskId: task.id })
  // For those who are in the room now, and in no log.
  socket.emitToRoom('desk:main', 'light', { colour: 'green' })
}

export default {
  id: 'mix-bell',
  events: ['items.create.after', 'items.update.after'].map((action) => ({ collection: 'tasks', action, handler: onTask })),
  rooms: [{ prefix: 'desk', mayEnter: (person) => people.has(person.id) }],
}

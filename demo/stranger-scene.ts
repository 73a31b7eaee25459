import { breathe, type Stage } from './context.ts'
import type { Attempt } from './messages.ts'
import { count } from './screen.ts'

function byWhat(attempts: readonly Attempt[]): Map<string, string[]> {
  const answers = new Map<string, string[]>()
  for (const { what, answer } of attempts) answers.set(what, [...(answers.get(what) ?? []), answer])
  return answers
}

/** The stranger tries every way in; told one by one, or in one line. */
export async function tryDoors(stage: Stage, inFull: boolean): Promise<void> {
  const { stranger, narrator, filled, owner } = stage
  const [cutId, commentId] = [filled.cuts[0]?.id ?? '', filled.open[0]?.id ?? '']
  const attempts = await stranger.tryToGetIn({ cutId, commentId, ownerId: owner.userId })
  const say = (text: string) => narrator.aside(stranger.name, stranger.style, text)
  if (inFull) {
    for (const [what, answers] of byWhat(attempts)) {
      say(`tries to ${what}: ${count(answers)}`)
      await breathe(stage, 0.3)
    }
  } else say(`tries all ${attempts.length} ways again: ${count(attempts.map((attempt) => attempt.answer))}`)
  const inside = attempts.filter((attempt) => attempt.letIn)
  if (inside.length > 0) say(`WAS LET IN: ${inside.map((attempt) => attempt.what).join(', ')}`)
  stage.steps++
}

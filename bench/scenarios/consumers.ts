import { CONNECTIONS, measureConsumers, PER_SECOND } from '../support/consumer-cost.ts'

export const scenario = measureConsumers({
  id: 'S14',
  title: `A consumer of the log: CPU per write at ${PER_SECOND}/s, and writes/s with ${CONNECTIONS} connections, with it and without`,
  variants: [
    { name: 'off', title: 'no consumer', env: {} },
    { name: 'on', title: 'one that reads each comment', env: { CONSUMER: 'reads' } },
    { name: 'answers', title: 'one that answers each with an event', env: { CONSUMER: 'answers' } },
  ],
  asked: { variant: 'on', cpu: 1.1, rate: 0.85 },
})

export { listen } from '../limit/client.ts'

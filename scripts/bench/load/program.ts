// The program of a load process: does one job after another, asked and answered over the channel to
// its parent, and ends with it.
import { createContent, push, read, upload, type Job } from './jobs.ts'

const content = createContent()

process.on('message', (job: Job) => {
  run(job).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ problem: String(error) }),
  )
})

async function run(job: Job): Promise<unknown> {
  if (job.kind === 'read') return read(job)
  return job.kind === 'upload' ? upload(content, job) : push(job)
}

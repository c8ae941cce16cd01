// Questions to a person at a terminal. They are asked on standard error, so that standard output stays data.
import { openSync } from 'node:fs'
import { StringDecoder } from 'node:string_decoder'
import { ReadStream } from 'node:tty'

import { CliError } from './cli-error.ts'
import type { CliIo, InputStream } from './cli-io.ts'
import { exitCodes } from './exit-codes.ts'

/** True when somebody is there to answer. */
export function canAsk(io: CliIo): boolean {
  return io.stdin.isTTY === true && io.stderr.isTTY === true
}

/** Anything but a clear yes is a no. */
export async function confirm(io: CliIo, question: string): Promise<boolean> {
  const answer = await ask(io, `${question} [y/N] `, { echo: true })
  return /^y(es)?$/i.test(answer.trim())
}

export function askHidden(io: CliIo, question: string): Promise<string> {
  return ask(io, question, { echo: false })
}

/** The same at the terminal that the program was started from, when standard input is none; undefined without one. */
export async function askOnTerminal(io: CliIo, question: string): Promise<string | undefined> {
  if (canAsk(io)) return askHidden(io, question)
  const terminal = openTerminal()
  if (terminal === undefined) return undefined
  try {
    return await askHidden({ ...io, stdin: terminal }, question)
  } finally {
    terminal.destroy()
  }
}

function openTerminal(): ReadStream | undefined {
  if (process.platform === 'win32') return undefined
  try {
    return new ReadStream(openSync('/dev/tty', 'r+'))
  } catch {
    // There is none: a job, a container, a pipe at both ends.
    return undefined
  }
}

const enter = new Set(['\r', '\n'])
const backspace = new Set(['\b', '\u007f'])
const interrupt = '\u0003'
const endOfInput = '\u0004'
// Arrow keys and their like, which a raw terminal sends as text.
// oxlint-disable-next-line no-control-regex -- they begin with a control character
const keySequence = /\u001b[[O][0-9;]*[A-Za-z~]/g

async function ask(io: CliIo, question: string, options: { echo: boolean }): Promise<string> {
  const { stdin, stderr } = io
  stderr.write(question)
  stdin.setRawMode?.(true)
  try {
    return await readLine(stdin, (text) => options.echo && stderr.write(text))
  } finally {
    stdin.setRawMode?.(false)
    stdin.pause()
    stderr.write('\n')
  }
}

function readLine(stdin: InputStream, echo: (text: string) => unknown): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const decoder = new StringDecoder('utf8')
  let typed: string[] = []
  const interrupted = () => reject(new CliError(exitCodes.interrupted, { what: 'interrupted' }))
  const onData = (chunk: Buffer | string) => {
    const text = typeof chunk === 'string' ? chunk : decoder.write(chunk)
    const characters = Array.from(text.replace(keySequence, ''))
    for (const [index, character] of characters.entries()) {
      if (enter.has(character)) {
        // What was typed ahead belongs to the next question.
        const rest = characters.slice(index + 1).join('')
        stdin.pause()
        if (rest !== '') stdin.unshift(Buffer.from(rest))
        resolve(typed.join(''))
        return
      }
      if (character === interrupt || character === endOfInput) {
        interrupted()
        return
      }
      if (backspace.has(character)) {
        if (typed.length > 0) echo('\b \b')
        typed = typed.slice(0, -1)
      } else if (character >= ' ') {
        typed.push(character)
        echo(character)
      }
    }
  }
  stdin.on('data', onData)
  stdin.on('end', interrupted)
  // A stream that was paused after the question before does not start again by itself.
  stdin.resume()
  return promise.finally(() => {
    stdin.off('data', onData)
    stdin.off('end', interrupted)
  })
}

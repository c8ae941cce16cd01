// What a command's exit code means; scripts depend on it, so a code never changes its meaning.

export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  denied: 4,
  policy: 5,
  problemsFound: 6,
  unreachable: 7,
  interrupted: 130,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

export const exitCodeMeanings: readonly (readonly [ExitCode, string])[] = [
  [exitCodes.ok, 'done'],
  [exitCodes.failed, 'failed'],
  [exitCodes.usage, 'the command or a setting is wrong, or a question could not be asked'],
  [exitCodes.notFound, 'there is no such user, repository, tag or installation'],
  [exitCodes.denied, 'not allowed, or a sign-in is needed'],
  [exitCodes.policy, 'refused by a policy, such as a password that is too short'],
  [exitCodes.problemsFound, 'the check ran and found problems (doctor, fsck, config check)'],
  [exitCodes.unreachable, 'the server or the database could not be reached'],
  [exitCodes.interrupted, 'interrupted with Ctrl-C'],
]

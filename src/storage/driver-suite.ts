// The contract of StorageDriver as tests, run by every driver and by every wrapper of one.

import { type TestContext, suite, test } from 'node:test'
import type { StorageDriver } from './driver.ts'
import { arranging } from './driver-cases/arranging.ts'
import { listing } from './driver-cases/listing.ts'
import { reading } from './driver-cases/reading.ts'
import { writing } from './driver-cases/writing.ts'

/** `open` gives an empty driver; what it made goes away by `t.after`. */
export function driverSuite(
  name: string,
  open: (t: TestContext) => StorageDriver | Promise<StorageDriver>,
): void {
  void suite(name, () => {
    for (const [title, run] of [...writing, ...reading, ...arranging, ...listing]) {
      void test(title, async (t) => {
        await using driver = await open(t)
        await run(driver)
      })
    }
  })
}

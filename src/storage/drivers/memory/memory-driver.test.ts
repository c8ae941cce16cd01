import { driverSuite } from '../../driver-suite.ts'
import { createMemoryDriver } from './memory-driver.ts'

driverSuite('memory driver', createMemoryDriver)

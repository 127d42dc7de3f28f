// One @tus/server with the file store on a loopback port, for libtus' tests.
import { parseArgs } from 'node:util'
import { FileStore } from '@tus/file-store'
import { Server } from '@tus/server'

const { values } = parseArgs({
  options: {
    port: { type: 'string' },
    directory: { type: 'string' },
    'max-size': { type: 'string' },
    'expiry-ms': { type: 'string' },
    'relative-location': { type: 'boolean', default: false },
    'keep-finished': { type: 'boolean', default: false },
    finish: { type: 'string' },
  },
})
const number = (text) => (text === undefined ? undefined : Number(text))

// What the site does with a finished upload: takes it with a body of its own, or cannot.
const finish = {
  accept: async () => ({ status_code: 200, headers: { 'Content-Type': 'application/json' }, body: '{"taken":true}' }),
  fail: async () => {
    throw { status_code: 500, body: 'the disk of the archive is full' }
  },
  refuse: async () => {
    throw { status_code: 422, body: 'this is no picture' }
  },
}

const server = new Server({
  path: '/files',
  datastore: new FileStore({
    directory: values.directory,
    expirationPeriodInMilliseconds: number(values['expiry-ms']),
  }),
  maxSize: number(values['max-size']),
  relativeLocation: values['relative-location'],
  disableTerminationForFinishedUploads: values['keep-finished'],
  onUploadFinish: finish[values.finish],
})
server.listen({ host: '127.0.0.1', port: Number(values.port) })

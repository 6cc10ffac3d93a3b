// SPDX-License-Identifier: MIT
// What independent programs read in the stacks giltrace wrote: formats.js MODULES pprof|speedscope FILE REPORT.json
'use strict'
const fs = require('fs')
const path = require('path')
const zlib = require('zlib')
const assert = require('assert')

const [modules, format, file, reportFile] = process.argv.slice(2)
const load = (name) => require(path.join(modules, 'node_modules', name))
const report = JSON.parse(fs.readFileSync(reportFile))
const kinds = report.stacks.kinds

// pprof's sample type of each kind's nanoseconds.
const TYPES = { lock: 'lock', offcpu: 'offcpu', oncpu: 'cpu', critical: 'critical', wake: 'waited' }

function pprof() {
	const { Profile } = load('pprof-format')
	const p = Profile.decode(zlib.gunzipSync(fs.readFileSync(file)))
	const text = (i) => p.stringTable.strings[Number(i)]
	const types = p.sampleType.map((t) => text(t.type))
	const locations = new Set(p.location.map((l) => Number(l.id)))
	const functions = new Set(p.function.map((f) => Number(f.id)))

	for (const kind in kinds) {
		const at = types.indexOf(TYPES[kind])
		assert(at >= 0, `no sample type for ${kind}`)
		assert.strictEqual(text(p.sampleType[at].unit), 'nanoseconds')
		const sum = p.sample.reduce((ns, s) => ns + BigInt(s.value[at]), 0n)
		assert.strictEqual(sum, BigInt(kinds[kind].ns), `sum of ${kind}`)
	}
	for (const s of p.sample) {
		assert.strictEqual(s.value.length, types.length)
		for (const id of s.locationId) assert(locations.has(Number(id)), `location ${id}`)
	}
	for (const l of p.location)
		for (const line of l.line) assert(functions.has(Number(line.functionId)))
	assert.strictEqual(Number(p.durationNanos), report.window.wall)
}

function speedscope() {
	const Ajv = load('ajv')
	const schemaFile = path.join(modules, 'node_modules/speedscope/dist/release/file-format-schema.json')
	const schema = JSON.parse(fs.readFileSync(schemaFile))
	const data = JSON.parse(fs.readFileSync(file))
	const ajv = new (Ajv.default || Ajv)({ strict: false })
	const valid = ajv.compile(schema)

	assert(valid(data), JSON.stringify(valid.errors, null, 1))
	const sum = (p) => p.weights.reduce((ns, w) => ns + w, 0)
	assert.strictEqual(sum(data.profiles[0]), kinds[data.name].ns)
	const each = data.profiles.slice(1).reduce((ns, p) => ns + sum(p), 0)
	assert.strictEqual(each, kinds[data.name].ns)
	for (const p of data.profiles)
		for (const s of p.samples)
			for (const i of s) assert(i < data.shared.frames.length)
}

;({ pprof, speedscope })[format]()

// SPDX-License-Identifier: MIT
// Flame graphs as whoever opens one meets them.
'use strict'
const fs = require('fs')
const assert = require('assert')

const FRAMES = '#graph > svg'

// Every frame that can be seen: its whole name, its text, where it is, how it looks.
const shown = (page) => page.$$eval(FRAMES, (list) => list.map((el, index) => {
	const box = el.querySelector('rect').getBoundingClientRect()
	const text = el.querySelector('text')

	return {
		index: index, name: el.querySelector('title').textContent.split('\n')[0],
		title: el.querySelector('title').textContent, text: text ? text.textContent : '',
		textWidth: text ? text.getComputedTextLength() : 0, x: box.x, y: box.y, width: box.width,
		classes: Array.from(el.classList), seen: getComputedStyle(el).display !== 'none',
	}
}).filter((f) => f.seen))

const named = async (page, name) => {
	const found = (await shown(page)).find((f) => f.name === name)

	assert(found, `no frame ${name}`)
	return found
}
const clickOn = async (page, f) => page.mouse.click(f.x + Math.min(f.width / 2, 8), f.y + 9)
const details = (page) => page.$eval('.details', (el) => Array.from(el.children).map((c) => c.textContent).join(' | '))
const hash = (page) => page.evaluate(() => location.hash)
const near = (a, b, what) => assert(Math.abs(a - b) <= 1, `${what}: ${a} is not ${b}`)
const quiet = (page) => assert.deepStrictEqual(page.noise, [])

// Share of time, in percent, of folded stacks with a frame like that.
function shareOf(folded, pattern) {
	let all = 0, hit = 0

	for (const line of fs.readFileSync(folded, 'utf8').trim().split('\n')) {
		const at = line.lastIndexOf(' '), ns = Number(line.slice(at + 1))

		all += ns
		hit += line.slice(0, at).split(';').some((name) => pattern.test(name)) ? ns : 0
	}
	return 100 * hit / all
}

async function click_zooms(open, [file]) {
	const page = await open(file)
	const all = await named(page, 'all'), thread = await named(page, 'fetch-1')
	const before = await shown(page)

	assert(thread.width < all.width / 2)
	await clickOn(page, thread)
	const zoomed = await shown(page)
	near((await named(page, 'fetch-1')).width, all.width, 'width of what is zoomed into')
	assert(!zoomed.some((f) => f.name === 'count-0'), 'a neighbour is still there')
	assert(zoomed.find((f) => f.name === 'all').classes.includes('past'))
	assert(!zoomed.find((f) => f.name === 'fetch-1').classes.includes('past'))
	assert(/^#zoom=\d+$/.test(await hash(page)))
	assert(/^fetch-1 \| 2\.92 s, 41\.0 % of all/.test(await details(page)), await details(page))

	await page.goBack()
	assert.deepStrictEqual(await shown(page), before)
	await clickOn(page, await named(page, 'pool-7'))
	await page.getByRole('button', { name: 'Reset' }).click()
	assert.deepStrictEqual((await shown(page)).map((f) => f.width), before.map((f) => f.width))
	assert.strictEqual(await hash(page), '')
	quiet(page)
}

async function keys_move_and_zoom(open, [file]) {
	const page = await open(file)
	const focused = () => page.evaluate(() => {
		const el = document.activeElement

		return el && el.firstChild && el.firstChild.localName === 'title' ? el.firstChild.textContent.split('\n')[0] : null
	})

	for (let i = 0; i < 6 && await focused() !== 'all'; i++)
		await page.keyboard.press('Tab')
	assert.strictEqual(await focused(), 'all')
	await page.keyboard.press('ArrowUp') /* the widest */
	assert.strictEqual(await focused(), 'count-0')
	await page.keyboard.press('ArrowRight')
	assert.strictEqual(await focused(), 'fetch-1')
	assert((await details(page)).startsWith('fetch-1 | 2.92 s'))
	await page.keyboard.press('ArrowLeft')
	assert.strictEqual(await focused(), 'count-0')
	await page.keyboard.press('ArrowDown')
	assert.strictEqual(await focused(), 'all')
	await page.keyboard.press('ArrowUp')
	await page.keyboard.press('ArrowUp')
	await page.keyboard.press('Enter')
	assert.strictEqual(await focused(), 'clone3')
	near((await named(page, 'clone3')).width, (await named(page, 'all')).width, 'width after Enter')
	await page.keyboard.press('Escape')
	assert(await named(page, 'fetch-1'))
	assert.strictEqual(await hash(page), '')
	quiet(page)
}

async function search_marks_and_sums(open, [file, folded]) {
	const page = await open(file)
	const hits = async () => (await shown(page)).filter((f) => f.classes.includes('hit')).map((f) => f.name)
	const matched = () => page.$eval('.matched', (el) => el.textContent)
	const want = (pattern) => `matched ${shareOf(folded, pattern).toFixed(1)} %`

	await page.keyboard.press('/')
	await page.keyboard.type('decode|^add$')
	assert.deepStrictEqual(new Set(await hits()), new Set(['decode', 'add']))
	assert.strictEqual(await matched(), want(/decode|^add$/))
	await page.keyboard.press('Enter')
	assert(/^(add|decode) \|/.test(await details(page)))
	await page.keyboard.press('Escape')
	assert.deepStrictEqual(await hits(), [])
	assert.strictEqual(await matched(), '')

	await page.keyboard.press('Control+f')
	await page.keyboard.type('TAKE_GIL')
	assert.strictEqual(await matched(), 'no match') /* upper case counts */
	await page.keyboard.press('Control+a')
	await page.keyboard.type('take_g')
	assert.strictEqual(await matched(), want(/take_g/))
	await page.keyboard.press('Control+a')
	await page.keyboard.type('count|fetch') /* some inside others */
	assert.strictEqual(await matched(), want(/count|fetch/))
	await page.keyboard.press('Control+a')
	await page.keyboard.type('emplace_back<std::pair<std::string,int>>(') /* no regular expression */
	assert.deepStrictEqual((await hits()).length, 1)

	await page.keyboard.press('Control+a')
	await page.keyboard.type('sock_recv')
	await clickOn(page, await named(page, 'fetch-1'))
	const all = shareOf(folded, /^fetch-1$/), part = 100 * 1870 / (2920)
	assert(all > 40 && all < 42)
	assert.strictEqual(await matched(), `matched ${part.toFixed(1)} %`) /* of what is zoomed into */
	quiet(page)
}

async function an_address_keeps_the_view(open, [file]) {
	const page = await open(file)

	await clickOn(page, await named(page, 'fetch-1'))
	await page.keyboard.press('/')
	await page.keyboard.type('log&zoom=1 +;"<b>')
	const address = await hash(page), view = await shown(page)
	const again = await open(file, {}, address)
	assert.deepStrictEqual(await shown(again), view)
	assert.strictEqual(await again.$eval('input', (el) => el.value), 'log&zoom=1 +;"<b>')

	for (const bad of ['#zoom=-1', '#zoom=99999', '#zoom=1e1000&search=', '#zoom=x', '#%', '#search=(',
		'#search=%ff%00<script>', '#zoom=0x2', '#__proto__=1']) {
		const other = await open(file, {}, bad)
		assert(await named(other, 'all'))
		quiet(other)
	}
	quiet(page)
	quiet(again)
}

async function texts_fit_their_frames(open, files) {
	for (const file of files)
		for (const width of [240, 1200, 3400]) {
			const page = await open(file, { viewport: { width: width, height: 500 } })
			const check = async () => {
				for (const f of await shown(page)) {
					assert(f.textWidth <= f.width, `${f.text} in ${f.width} of ${width}`)
					assert(f.text === f.name || f.text === '' || f.text.endsWith('…'))
					assert(f.x >= 0 && f.x + f.width <= width + 0.5)
				}
			}

			await check()
			await page.locator(FRAMES).nth(1).focus()
			await page.keyboard.press('Enter')
			await check()
			await page.setViewportSize({ width: 700, height: 300 })
			await page.waitForFunction(() => innerWidth === 700)
			await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))
			assert((await shown(page)).every((f) => f.textWidth <= f.width), 'after the window became smaller')
			quiet(page)
			await page.context().close()
		}
}

async function hovering_tells(open, [file]) {
	const page = await open(file)
	const decode = await named(page, 'decode')

	await page.mouse.move(decode.x + 5, decode.y + 9)
	assert.strictEqual(await details(page), 'decode | 640 ms, 9.0 % of all, 21.9 % of the frame below · 131 waits · ' +
		'Python · /srv/app.py:18')
	assert(decode.title.startsWith('decode\n640 ms, 9.0 % of all, 21.9 % of the frame below\n131 waits\n'))
	await page.mouse.move(5, 5)
	assert((await details(page)).startsWith('Click or Enter zooms'))
	quiet(page)
}

async function readable_without_scripts(open, [file]) {
	const page = await open(file, { javaScriptEnabled: false })
	const frames = page.locator(FRAMES)

	assert.strictEqual(await page.locator('input').count(), 0)
	assert(await page.getByText('python3 app.py: time blocked on locks').last().isVisible())
	assert(await page.getByText('who let go', { exact: true }).isVisible())
	const all = await frames.first().locator('rect').boundingBox()
	const thread = await frames.nth(1).locator('rect').boundingBox()
	assert(all.width > 1100 && all.width <= 1200)
	assert(thread.width > 100 && thread.width < all.width && thread.y < all.y)
	assert((await frames.nth(1).locator('title').textContent()).startsWith('count-0\n3.43 s, 48.2 % of all'))
	quiet(page)
}

async function hostile_names_stay_names(open, [file]) {
	for (const options of [{}, { javaScriptEnabled: false }]) {
		const page = await open(file, options)

		if (!options.javaScriptEnabled && options.javaScriptEnabled !== undefined) {
			assert(await page.locator(FRAMES).count() > 10)
			quiet(page)
			continue
		}
		const names = (await shown(page)).map((f) => f.name)
		for (const name of ['</text><script>alert(1)</script>', ']]><script>parent.bad=1</script>',
			'"onclick="alert(1)', '&amp;&lt;x;\\x0a\\x0d\\x09', '\\xff\\xfe\\xc0\\x80',
			'\\xe2\\x80\\xa8\\xe2\\x80\\xa9\\xe2\\x80\\xaereversed', '\\xef\\xbf\\xbe\\xef\\xbf\\xbf',
			'\'onload=\'bad=1\'', '__proto__', 'constructor', '&bad;', '"><script>'])
			assert(names.includes(name), `${name} is not there as it is called`)
		for (const f of await shown(page)) {
			await clickOn(page, f)
			await page.keyboard.press('Escape')
		}
		await page.keyboard.press('/')
		await page.keyboard.type('<script>')
		const found = await page.evaluate(() => ({
			bad: window.bad, scripts: document.querySelectorAll('script').length,
			handlers: Array.from(document.querySelectorAll('*')).some((el) =>
				el.getAttributeNames().some((a) => a.startsWith('on') || a.includes('href') || a === 'src')),
		}))
		assert.deepStrictEqual(found, { bad: undefined, scripts: 1, handlers: false })
		quiet(page)
	}
}

// Of every text on what is behind it, by WCAG's formula: what is meant to be read can be.
async function contrast_is_enough(open, files) {
	const luminance = (color) => {
		const [r, g, b] = color.match(/[\d.]+/g).map((c) => c / 255)
			.map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)

		return 0.2126 * r + 0.7152 * g + 0.0722 * b
	}
	const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)

	for (const file of files)
		for (const scheme of ['light', 'dark']) {
			const page = await open(file, { colorScheme: scheme })

			await page.keyboard.press('/')
			await page.keyboard.type('count')
			const pairs = await page.$$eval(FRAMES, (list) => list.map((el) => [
				el.getAttribute('class'), getComputedStyle(el.querySelector('rect')).fill,
				el.querySelector('text') ? getComputedStyle(el.querySelector('text')).fill : null,
			]))
			for (const [classes, fill, text] of pairs) {
				if (!text || fill.startsWith('url'))
					continue
				const r = ratio(luminance(fill), luminance(text))
				assert(r >= 4.5, `${scheme} ${classes}: ${r.toFixed(1)}`)
			}
			const paper = await page.$eval(':root', (el) => getComputedStyle(el).backgroundColor)
			assert(scheme === 'dark' ? luminance(paper) < 0.1 : luminance(paper) > 0.9)
			const head = await page.$eval('.head', (el) => [getComputedStyle(el).color,
				getComputedStyle(el).backgroundColor])
			assert(ratio(...head.map(luminance)) >= 7)
			quiet(page)
			await page.context().close()
		}
}

async function differences_are_red_and_blue(open, [file]) {
	const page = await open(file)
	const hue = async (name) => page.evaluate((index) => {
		const fill = getComputedStyle(document.querySelectorAll('#graph > svg')[index].querySelector('rect')).fill
		const [r, , b] = fill.match(/\d+/g).map(Number)

		return r - b
	}, (await named(page, name)).index)

	assert(await hue('decode') > 50)
	assert(await hue('add') < -50)
	assert(Math.abs(await hue('python3')) < 20)
	const decode = await named(page, 'decode')
	await page.mouse.move(decode.x + 5, decode.y + 9)
	assert.strictEqual(await details(page), 'decode | now 690 ms, 28.3 % of all, 131 waits · ' +
		'before 640 ms, 9.0 % of all, 131 waits · +19.3 points · Python · /srv/app.py:18')
	quiet(page)
}

// 100,000 stacks: it is all there, and everything still works.
async function large_graphs_work(open, [file]) {
	const page = await open(file)

	assert(fs.statSync(file).size < 5e6)
	const frames = await shown(page)
	assert(frames.length > 1000)
	await clickOn(page, frames.find((f) => f.name === 'f2_3'))
	near((await named(page, 'f2_3')).width, (await named(page, 'all')).width, 'width of what is zoomed into')
	await page.keyboard.press('/')
	await page.keyboard.type('f3_')
	assert(/^matched \d/.test(await page.$eval('.matched', (el) => el.textContent)))
	quiet(page)
}

module.exports = {
	click_zooms, keys_move_and_zoom, search_marks_and_sums, an_address_keeps_the_view, texts_fit_their_frames,
	hovering_tells, readable_without_scripts, hostile_names_stay_names, contrast_is_enough,
	differences_are_red_and_blue, large_graphs_work,
}

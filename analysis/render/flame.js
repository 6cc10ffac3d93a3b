/*
 * Makes the graph above it move: zoom, search, keys, an address that keeps both. It only moves and
 * recolours what is drawn; texts are set as text, so whatever a traced program calls itself stays a name.
 */
(function () {
	'use strict';

	const SVG = 'http://www.w3.org/2000/svg';
	const XHTML = 'http://www.w3.org/1999/xhtml';
	const NARROWEST = 0.05; /* pixels: not shown */
	const THIN = 4; /* pixels: no border */
	const TEXT_FROM = 20; /* pixels: no text in less */
	const PADDING = 4; /* pixels left and right of a text */
	const HINT = 'Click or Enter zooms, Esc goes back, / or Ctrl-F searches, arrow keys move.';

	const svg = document.documentElement;
	const graph = document.getElementById('graph');
	const frames = readFrames();
	const byElement = new Map(frames.map((f) => [f.el, f]));
	const head = makeHead();
	const view = { zoom: 0, query: '', at: 0, hits: [] };

	/* ---- what is drawn ---- */

	/* Parents come before their children, siblings from left to right; `last` is the last one inside. */
	function readFrames() {
		const list = [], path = [];
		let row = 0, bottom = 0;

		for (const el of graph.children) {
			const lines = el.firstChild.textContent.split('\n');
			const y = Number(el.getAttribute('y'));

			if (!list.length) {
				row = Number(el.getAttribute('height'));
				bottom = y;
			}
			const depth = Math.round((bottom - y) / row);
			const frame = {
				el: el, index: list.length, depth: depth, parent: depth ? path[depth - 1] : -1,
				x: parseFloat(el.getAttribute('x')), width: parseFloat(el.getAttribute('width')),
				name: lines[0], details: lines.slice(1).join(' · '),
				text: el.querySelector('text'), drawn: lines[0], last: list.length,
			};
			frame.left = frame.x;
			frame.wide = frame.width;
			path[depth] = frame.index;
			for (let d = 0; d < depth; d++)
				list[path[d]].last = frame.index;
			list.push(frame);
		}
		return list;
	}

	function frameOf(target) {
		return byElement.get(target.closest('#graph > svg'));
	}

	/* ---- head ---- */

	function html(name, className, parent) {
		const el = document.createElementNS(XHTML, name);

		if (className)
			el.className = className;
		parent.appendChild(el);
		return el;
	}

	function button(text, parent, action) {
		const el = html('button', '', parent);

		el.type = 'button';
		el.textContent = text;
		el.addEventListener('click', action);
		return el;
	}

	/* The same words as HTML, which wraps in narrow windows, and what needs a script. */
	function makeHead() {
		const old = document.getElementById('head');
		const outer = document.createElementNS(SVG, 'foreignObject');
		const box = html('div', 'head', outer), bar = html('div', 'bar', box);
		const h = { outer: outer, box: box };

		html('h1', '', bar).textContent = old.querySelector('.title').textContent;
		const tools = html('div', 'tools', bar);
		h.matched = html('span', 'matched', tools);
		h.matched.setAttribute('role', 'status');
		h.input = html('input', '', tools);
		h.input.type = 'search';
		h.input.placeholder = 'Search: text or regex';
		h.input.setAttribute('aria-label', 'Search frames');
		h.input.spellcheck = false;
		h.reset = button('Reset', tools, reset);
		for (const line of old.querySelectorAll('.line'))
			html('p', '', box).textContent = line.textContent;
		const keys = html('div', 'keys', box);
		for (const key of old.querySelectorAll('.key')) {
			const item = html('span', '', keys);
			const patch = document.createElementNS(SVG, 'svg');

			patch.appendChild(key.querySelector('rect').cloneNode());
			patch.firstChild.setAttribute('x', 0);
			patch.firstChild.setAttribute('y', 0);
			item.appendChild(patch);
			html('span', '', item).textContent = key.querySelector('text').textContent;
		}
		h.details = html('div', 'details', box);
		h.name = html('div', 'name', h.details);
		h.rest = html('div', 'rest', h.details);
		outer.setAttribute('width', '100%');
		old.style.display = 'none';
		svg.appendChild(outer);
		return h;
	}

	function tell(frame) {
		head.name.textContent = frame ? frame.name : HINT;
		head.rest.textContent = frame ? frame.details : '';
		head.name.classList.toggle('hint', !frame);
		head.name.title = head.name.textContent;
		head.rest.title = head.rest.textContent;
	}

	function tellChosen() {
		tell(view.at || view.zoom ? frames[view.at || view.zoom] : null);
	}

	/* The head stays in sight while the graph scrolls under it; in a low window only the details do. */
	function kept() {
		const all = head.box.getBoundingClientRect().height;

		return all < window.innerHeight / 2 ? all : head.details.getBoundingClientRect().height;
	}

	function placeHead() {
		const hidden = head.box.getBoundingClientRect().height - kept();

		head.outer.setAttribute('y', Math.max(0, window.scrollY - hidden));
	}

	function layOut() {
		const high = head.box.getBoundingClientRect().height;
		const all = high + Number(graph.getAttribute('height')) + 12;

		head.outer.setAttribute('height', high);
		graph.setAttribute('y', high + 4);
		svg.setAttribute('height', all);
		placeHead();
	}

	/* ---- texts that fit ---- */

	const widths = new Map();
	const measure = document.createElementNS(XHTML, 'canvas').getContext('2d');

	function widthOf(character) {
		let w = widths.get(character);

		if (w === undefined) {
			w = measure ? measure.measureText(character).width : 8;
			widths.set(character, w);
		}
		return w;
	}

	function fitting(text, room) {
		const dots = widthOf('…');
		let used = 0, end = 0, fits = 0; /* fits: as much as leaves room for the dots */

		for (const character of text) {
			used += widthOf(character);
			if (used > room)
				return fits ? text.slice(0, fits) + '…' : '';
			end += character.length;
			if (used + dots <= room)
				fits = end;
		}
		return text;
	}

	function label(f, pixels) {
		const text = pixels < TEXT_FROM ? '' : fitting(f.name, pixels - 2 * PADDING);

		if (text === f.drawn && (f.text || !text))
			return;
		if (!f.text) {
			f.text = document.createElementNS(SVG, 'text');
			f.text.setAttribute('x', PADDING);
			f.text.setAttribute('y', 13);
			f.el.appendChild(f.text);
		}
		f.text.textContent = f.drawn = text;
	}

	/* ---- zoom ---- */

	function isInside(f, outer) {
		return f.index >= outer.index && f.index <= outer.last;
	}

	function draw() {
		const zoomed = frames[view.zoom], scale = 100 / zoomed.width;
		const pixels = graph.width.baseVal.value / 100; /* per percent */

		for (const f of frames) {
			const past = f !== zoomed && isInside(zoomed, f);
			const shown = past || isInside(f, zoomed);

			f.left = past ? 0 : (f.x - zoomed.x) * scale;
			f.wide = past ? 100 : f.width * scale;
			f.shown = shown && f.wide * pixels >= NARROWEST;
			f.el.style.display = f.shown ? '' : 'none';
			if (!f.shown)
				continue;
			f.el.setAttribute('x', f.left + '%');
			f.el.setAttribute('width', f.wide + '%');
			f.el.classList.toggle('past', past);
			f.el.classList.toggle('thin', f.wide * pixels < THIN);
			label(f, f.wide * pixels);
		}
	}

	/* ---- search ---- */

	/* Upper case in the pattern makes case count. What is no regular expression is a text. */
	function matcher(query) {
		const folded = query === query.toLowerCase();

		try {
			const pattern = new RegExp(query, folded ? 'i' : '');

			return (name) => pattern.test(name);
		} catch (error) {
			return (name) => (folded ? name.toLowerCase() : name).includes(query);
		}
	}

	/* Of what is zoomed into; a match inside a match counts once. */
	function share() {
		const zoomed = frames[view.zoom];
		let sum = 0, end = -1;

		for (const f of view.hits)
			if (isInside(zoomed, f))
				return 100;
			else if (isInside(f, zoomed) && f.index > end) {
				sum += f.width;
				end = f.last;
			}
		return sum * 100 / zoomed.width;
	}

	function mark() {
		const matches = view.query ? matcher(view.query) : () => false;

		view.hits = frames.filter((f) => {
			const hit = matches(f.name);

			f.el.classList.toggle('hit', hit);
			return hit;
		});
	}

	function tellMatched() {
		const percent = view.query && view.hits.length ? share() : 0;

		head.matched.textContent = !view.query ? ''
			: !view.hits.length ? 'no match'
			: percent > 0 && percent < 0.1 ? 'matched <0.1 %'
			: 'matched ' + percent.toFixed(1) + ' %';
	}

	/* ---- the address keeps the view ---- */

	function fromAddress() {
		const given = new URLSearchParams(window.location.hash.slice(1));
		const zoom = Number(given.get('zoom'));

		return {
			zoom: Number.isInteger(zoom) && zoom > 0 && zoom < frames.length ? zoom : 0,
			query: given.get('search') || '',
		};
	}

	function address() {
		const given = new URLSearchParams();

		if (view.zoom)
			given.set('zoom', view.zoom);
		if (view.query)
			given.set('search', view.query);
		return '#' + given.toString();
	}

	/* A zoom can be taken back with the browser's own button, a letter typed into the search cannot. */
	function keep(push) {
		const now = address();

		if (now === (window.location.hash || '#'))
			return;
		try {
			window.history[push ? 'pushState' : 'replaceState'](null, '', now);
		} catch (error) {
			/* A viewer without history: the view is not kept. */
		}
	}

	function show(next, push) {
		const searched = next.query !== view.query;

		view.zoom = next.zoom;
		view.query = next.query;
		if (searched)
			mark();
		if (head.input.value !== view.query)
			head.input.value = view.query;
		draw();
		tellMatched();
		head.reset.disabled = !view.zoom && !view.query;
		keep(push);
	}

	function zoomTo(index) {
		show({ zoom: index, query: view.query }, true);
		tellChosen();
	}

	function reset() {
		choose(0);
		show({ zoom: 0, query: '' }, true);
		tellChosen();
	}

	function search(query) {
		show({ zoom: view.zoom, query: query }, false);
	}

	/* ---- keys ---- */

	/* One frame at a time can be reached with Tab; the arrow keys go on from there. */
	function choose(index) {
		frames[view.at].el.setAttribute('tabindex', '-1');
		view.at = index;
		frames[index].el.setAttribute('tabindex', '0');
	}

	function go(f) {
		if (!f)
			return;
		choose(f.index);
		f.el.focus({ preventScroll: true });
		keepInSight(f);
		tell(f);
	}

	function keepInSight(f) {
		const box = f.el.getBoundingClientRect(), top = kept();

		if (box.top < top)
			window.scrollBy(0, box.top - top);
		else if (box.bottom > window.innerHeight)
			window.scrollBy(0, box.bottom - window.innerHeight);
	}

	/* The nearest in the same row, whatever it hangs on. */
	function beside(f, step) {
		for (let i = f.index + step; i >= 0 && i < frames.length; i += step)
			if (frames[i].shown && frames[i].depth === f.depth)
				return frames[i];
		return null;
	}

	/* The widest, where most of it goes on. */
	function above(f) {
		let best = null;

		for (let i = f.index + 1; i <= f.last; i = frames[i].last + 1)
			if (frames[i].shown && (!best || frames[i].width > best.width))
				best = frames[i];
		return best;
	}

	function nextHit(step) {
		const hits = view.hits.filter((f) => f.shown);
		const after = hits.findIndex((f) => f.index > view.at);
		const at = step > 0 ? after : (after < 0 ? hits.length : after) - 1;

		if (!hits.length)
			return;
		let f = hits[(at + hits.length) % hits.length];
		if (step > 0 && after < 0)
			f = hits[0];
		if (step < 0 && f.index === view.at)
			f = hits[(hits.indexOf(f) - 1 + hits.length) % hits.length];
		choose(f.index);
		keepInSight(f);
		tell(f);
	}

	function startSearch() {
		head.input.focus();
		head.input.select();
	}

	function escape() {
		if (document.activeElement === head.input) {
			search('');
			go(frames[view.at].shown ? frames[view.at] : frames[view.zoom]);
			return;
		}
		reset();
	}

	const keys = {
		ArrowUp: (f) => go(above(f)),
		ArrowDown: (f) => go(frames[f.parent]),
		ArrowLeft: (f) => go(beside(f, -1)),
		ArrowRight: (f) => go(beside(f, 1)),
		Enter: (f) => zoomTo(f.index),
		' ': (f) => zoomTo(f.index),
	};

	function onKey(event) {
		const typing = document.activeElement === head.input;
		const command = event.ctrlKey || event.metaKey;

		if (event.key === 'Escape') {
			escape();
		} else if (event.key.toLowerCase() === 'f' && command && !event.altKey && !typing) {
			startSearch(); /* again: the browser's own */
		} else if (typing) {
			if (event.key !== 'Enter')
				return;
			nextHit(event.shiftKey ? -1 : 1);
		} else if (command || event.altKey) {
			return;
		} else if (event.key === '/') {
			startSearch();
		} else if (keys[event.key] && document.activeElement !== head.reset) {
			keys[event.key](frames[view.at].shown ? frames[view.at] : frames[view.zoom]);
		} else {
			return;
		}
		event.preventDefault();
	}

	/* ---- begin ---- */

	function listen() {
		graph.addEventListener('click', (event) => {
			const f = frameOf(event.target);

			if (!f)
				return;
			choose(f.index);
			zoomTo(f.index);
		});
		graph.addEventListener('pointerover', (event) => tell(frameOf(event.target)));
		graph.addEventListener('pointerleave', tellChosen);
		graph.addEventListener('focusin', (event) => {
			const f = frameOf(event.target);

			if (f)
				tell(f);
		});
		head.input.addEventListener('input', () => search(head.input.value));
		document.addEventListener('keydown', onKey);
		window.addEventListener('scroll', placeHead);
		window.addEventListener('resize', () => {
			layOut();
			draw();
		});
		window.addEventListener('popstate', () => {
			show(fromAddress(), false);
			tellChosen();
		});
	}

	for (const f of frames)
		f.el.setAttribute('tabindex', f.index ? '-1' : '0');
	if (measure)
		measure.font = window.getComputedStyle(graph).font;
	tell(null);
	layOut();
	show(fromAddress(), false);
	tellChosen();
	listen();
	window.scrollTo(0, svg.scrollHeight); /* the roots are at the bottom */
})();

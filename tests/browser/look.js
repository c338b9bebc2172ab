// What is wrong with the page as it stands on the screen: a list of sentences.
(() => {
  const wrong = [];
  const all = (query, of = document) => [...of.querySelectorAll(query)];
  const named = element => element.tagName.toLowerCase() + (element.className && element.className.baseVal === undefined ? '.' + element.className : '') +
    ' `' + element.textContent.trim().slice(0, 40) + '`';

  // Nothing runs over: neither out of the window nor out of its own cell.
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) {
    const over = all('body *').filter(element => element.getBoundingClientRect().right > width + .5);
    wrong.push(`runs over ${width}: ${document.documentElement.scrollWidth}, as ${over.slice(-1).map(named)}`);
  }
  for (const cell of all('td, th')) {
    const box = cell.getBoundingClientRect(), range = document.createRange();
    range.selectNodeContents(cell);
    if (range.getBoundingClientRect().right > box.right + 1) wrong.push(`a cell runs over: ${named(cell)}`);
  }

  // Words stand out: WCAG 2.1, 1.4.3.
  const rgb = text => { const n = text.match(/[\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
  const light = ([r, g, b]) => [r, g, b].map(c => (c /= 255) <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
    .reduce((sum, c, at) => sum + c * [.2126, .7152, .0722][at], 0);
  const contrast = (a, b) => (Math.max(light(a), light(b)) + .05) / (Math.min(light(a), light(b)) + .05);
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor);
      if (colour[3] === 1) return colour;
    }
    return [255, 255, 255, 1];
  };
  // In a picture, what was painted last below the middle of the words.
  const painted = text => {
    const svg = text.closest('svg'), box = text.getBoundingClientRect();
    const x = box.left + box.width / 2, y = box.top + box.height / 2;
    const shapes = all('rect, circle', svg).filter(shape => shape.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING);
    const below = shapes.filter(shape => {
      const at = shape.getBoundingClientRect();
      return getComputedStyle(shape).fill !== 'none' && at.left <= x && x <= at.right && at.top <= y && y <= at.bottom;
    });
    return below.length ? rgb(getComputedStyle(below.pop()).fill) : behind(svg);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let words = 0;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || element.closest('title, desc, style')) continue;
    const picture = element.closest('svg'), style = getComputedStyle(element);
    const [ink, ground] = picture ? [rgb(style.fill), painted(element.closest('text'))] : [rgb(style.color), behind(element)];
    words += 1;
    if (contrast(ink, ground) < 4.5) wrong.push(`contrast ${contrast(ink, ground).toFixed(2)}: ${named(element)}`);
    const size = picture ? parseFloat(style.fontSize) * picture.getBoundingClientRect().width / picture.viewBox.baseVal.width : parseFloat(style.fontSize);
    if (size < 9.5) wrong.push(`${size.toFixed(1)} pixels: ${named(element)}`);
  }
  if (words < 50) wrong.push(`${words} words are few`);
  // Shapes that say something: WCAG 2.1, 1.4.11.
  for (const shape of all('.ok, .differs, .missing, .unasked, .wire, .head')) {
    const style = getComputedStyle(shape), ink = style.fill === 'none' ? style.stroke : style.fill;
    if (contrast(rgb(ink), behind(shape.closest('svg'))) < 3) wrong.push(`a pale shape: ${shape.className.baseVal}`);
  }

  // Words of a picture stay within their box.
  for (const text of all('figure text')) {
    const at = text.getBoundingClientRect(), svg = text.closest('svg').getBoundingClientRect();
    const box = all('figure .chip, figure .box, figure .dash').map(shape => shape.getBoundingClientRect())
      .filter(shape => shape.left <= at.left && shape.top <= at.top + at.height / 2 && at.top + at.height / 2 <= shape.bottom);
    if (at.right > svg.right || box.some(shape => at.right > shape.right)) wrong.push(`words run over their box: ${named(text)}`);
  }

  // Its outline, for those who do not see it.
  const levels = all('h1, h2, h3, h4').map(heading => +heading.tagName[1]);
  levels.forEach((level, at) => { if (level > (levels[at - 1] || 0) + 1) wrong.push(`h${level} comes after h${levels[at - 1]}`); });
  const order = all('header, nav, main, footer').map(element => element.tagName).join(' ');
  if (order !== 'HEADER NAV MAIN FOOTER') wrong.push(`landmarks: ${order}`);
  if (levels.filter(level => level === 1).length !== 1) wrong.push('not one h1');
  if (!document.title || document.documentElement.lang !== 'en') wrong.push('no title, or no language');
  for (const part of all('section')) {
    if (!part.getAttribute('aria-label') && !part.querySelector('h2')) wrong.push(`a section without a name: ${part.id}`);
  }
  for (const id of all('[aria-labelledby]').flatMap(element => element.getAttribute('aria-labelledby').split(' '))) {
    if (!document.getElementById(id)?.textContent.trim()) wrong.push(`nothing is called ${id}`);
  }
  for (const svg of all('svg')) {
    const told = svg.getAttribute('role') === 'img' && svg.querySelector('title') && svg.querySelector('desc');
    if (!told && svg.getAttribute('aria-hidden') !== 'true') wrong.push('a picture without title and description');
    if (svg.getAttribute('aria-hidden') === 'true' && svg.closest('.state, .verdict, li, p')?.textContent.trim().length < 4) wrong.push('a shape without a word');
  }
  for (const head of all('th')) if (!head.getAttribute('scope')) wrong.push(`a head of no scope: ${named(head)}`);
  for (const link of all('nav a')) {
    const box = link.getBoundingClientRect();
    if (box.height < 24) wrong.push(`a small target: ${named(link)}`);
  }
  return [...new Set(wrong)].slice(0, 12);
})()

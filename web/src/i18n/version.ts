// Texts that the editors of price plans and of strategies share.
import { addTexts } from '.'
import en from './version.en.json'
import chinese from './version.zh-CN.json'

addTexts(chinese, en)

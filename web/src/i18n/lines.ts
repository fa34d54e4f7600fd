import { addTexts } from './index'
import chinese from './lines.zh-CN.json'
import english from './lines.en.json'

addTexts(chinese, english)
